import LibP2PCore
import Multiformats
import Synchronization

/// Bounds the streams that each peer has open to one protocol of ours.
final class StreamQuota: Sendable {
    private let limit: Int
    private let open = Mutex<[PeerID: Int]>([:])

    init(perPeer limit: Int) {
        self.limit = limit
    }

    /// Takes a place for a stream of the peer; false when it has none left. Give it back with `leave`.
    func enter(_ peer: PeerID) -> Bool {
        self.open.withLock { open in
            let count = open[peer] ?? 0
            guard count < self.limit else { return false }
            open[peer] = count + 1
            return true
        }
    }

    func leave(_ peer: PeerID) {
        self.open.withLock { open in
            guard let count = open[peer] else { return }
            open[peer] = count > 1 ? count - 1 : nil
        }
    }
}
