import Multiformats

/// What applications and protocols think of peers. Bounded in peers and in tags per peer.
struct PeerTags: Sendable {
    static let maximumTags = 64
    /// Peers with tags or protections; when full, new peers are not tagged.
    static let maximumPeers = 65_536

    private struct Entry {
        var tags: [String: Int64] = [:]
        var protections: Set<String> = []

        var isEmpty: Bool { self.tags.isEmpty && self.protections.isEmpty }
    }

    private var entries: [PeerID: Entry] = [:]

    mutating func tag(_ peer: PeerID, _ tag: String, weight: Int64) {
        self.update(peer) { entry in
            guard entry.tags[tag] != nil || entry.tags.count < Self.maximumTags else { return }
            entry.tags[tag] = weight
        }
    }

    mutating func untag(_ peer: PeerID, _ tag: String) {
        self.update(peer) { $0.tags[tag] = nil }
    }

    mutating func protect(_ peer: PeerID, _ tag: String) {
        self.update(peer) { entry in
            guard entry.protections.count < Self.maximumTags else { return }
            entry.protections.insert(tag)
        }
    }

    mutating func unprotect(_ peer: PeerID, _ tag: String) {
        self.update(peer) { $0.protections.remove(tag) }
    }

    /// The sum of the weights, within the range of the type.
    func value(of peer: PeerID) -> Int64 {
        guard let tags = self.entries[peer]?.tags else { return 0 }
        // In a fixed order, so that the clamped sum does not depend on the dictionary's.
        return tags.values.sorted().reduce(0) { sum, weight in
            let (result, overflow) = sum.addingReportingOverflow(weight)
            return overflow ? (weight < 0 ? .min : .max) : result
        }
    }

    func isProtected(_ peer: PeerID) -> Bool {
        self.entries[peer].map { !$0.protections.isEmpty } ?? false
    }

    private mutating func update(_ peer: PeerID, _ body: (inout Entry) -> Void) {
        guard self.entries[peer] != nil || self.entries.count < Self.maximumPeers else { return }
        var entry = self.entries[peer] ?? Entry()
        body(&entry)
        self.entries[peer] = entry.isEmpty ? nil : entry
    }
}
