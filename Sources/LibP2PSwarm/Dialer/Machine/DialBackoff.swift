import Multiformats
import NIOCore

/// Remembers addresses that failed, so that they are not dialled again at once: 5 s + 1 s · n² after the n-th further failure, 5 min at most.
struct DialBackoff: Sendable {
    private struct Key: Hashable {
        let peer: PeerID
        let address: Multiaddr
    }

    private struct Entry {
        var failures: Int
        var until: NIODeadline
        /// Until then another failure counts as the next of a row.
        var forgottenAt: NIODeadline
    }

    /// When so many addresses are backed off, further ones are not remembered.
    private static let capacity = 16_384

    private var entries: [Key: Entry] = [:]

    mutating func recordFailure(of address: Multiaddr, peer: PeerID, now: NIODeadline) {
        let key = Key(peer: peer, address: address)
        let failures = self.entries[key].flatMap { $0.forgottenAt > now ? $0.failures : nil } ?? 0
        if self.entries.count >= Self.capacity, self.entries[key] == nil {
            self.entries = self.entries.filter { $0.value.forgottenAt > now }
            guard self.entries.count < Self.capacity else { return }
        }
        let pause = Self.pause(after: failures)
        self.entries[key] = Entry(failures: failures + 1, until: now + pause, forgottenAt: now + pause + pause)
    }

    mutating func clear(_ address: Multiaddr, peer: PeerID) {
        self.entries[Key(peer: peer, address: address)] = nil
    }

    func isBackedOff(_ address: Multiaddr, peer: PeerID, now: NIODeadline) -> Bool {
        guard let entry = self.entries[Key(peer: peer, address: address)] else { return false }
        return entry.until > now
    }

    private static func pause(after failures: Int) -> TimeAmount {
        let count = Int64(min(failures, 60))
        return .seconds(min(300, 5 + count * count))
    }
}
