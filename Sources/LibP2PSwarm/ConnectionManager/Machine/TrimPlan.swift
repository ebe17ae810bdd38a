import LibP2PCore
import Multiformats
import NIOCore

/// Chooses the connections to close. Pure.
enum TrimPlan {
    struct Candidate: Sendable, Hashable {
        let id: ConnectionID
        let peer: PeerID
        let direction: Direction
        let openedAt: NIODeadline
        let streams: Int
        /// Sum of the peer's tags.
        let value: Int64
        let isProtected: Bool
    }

    /// The connections to close, least valuable first, so that `lowWater` are left where the spared ones allow it.
    ///
    /// Spared are protected peers and those whose oldest connection is younger than `gracePeriod`. Peers go as a whole. Of equal
    /// value go first those without streams, then those that came to us, then those with fewer streams, then the younger.
    static func connectionsToClose(
        _ connections: [Candidate],
        lowWater: Int,
        gracePeriod: TimeAmount,
        now: NIODeadline
    ) -> [ConnectionID] {
        var surplus = connections.count - max(0, lowWater)
        guard surplus > 0 else { return [] }

        let peers = Dictionary(grouping: connections, by: \.peer).values
            .map { Peer(connections: $0.sorted { $0.id < $1.id }) }
            .filter { !$0.isProtected && now - $0.openedAt >= gracePeriod }
            .sorted { $0.order < $1.order }
        var chosen: [ConnectionID] = []
        for peer in peers {
            guard surplus > 0 else { break }
            chosen += peer.connections.map(\.id)
            surplus -= peer.connections.count
        }
        return chosen
    }

    private struct Peer {
        let connections: [Candidate]

        var value: Int64 { self.connections.first?.value ?? 0 }
        var isProtected: Bool { self.connections.contains(where: \.isProtected) }
        var streams: Int { self.connections.reduce(0) { $0 + $1.streams } }
        var openedAt: NIODeadline { self.connections.map(\.openedAt).min() ?? .distantFuture }

        var order: (Int64, Int, Int, Int, UInt64) {
            let hasOutbound = self.connections.contains { $0.direction == .outbound }
            let newest = self.connections.last?.id.rawValue ?? 0
            return (self.value, self.streams > 0 ? 1 : 0, hasOutbound ? 1 : 0, self.streams, UInt64.max - newest)
        }
    }
}
