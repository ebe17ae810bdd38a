import LibP2PCore
import Multiformats
import NIOCore

/// The open connections of a swarm. Guarded by the swarm's lock.
struct ConnectionTable {
    private let localPeer: PeerID
    private let simultaneousDialWindow: TimeAmount
    private var byID: [ConnectionID: SwarmConnection] = [:]
    private var byPeer: [PeerID: [SwarmConnection]] = [:]
    /// Connections that are closed when they are idle, because another one to the same peer stays.
    private var supplanted: Set<ConnectionID> = []

    init(localPeer: PeerID, simultaneousDialWindow: TimeAmount) {
        self.localPeer = localPeer
        self.simultaneousDialWindow = simultaneousDialWindow
    }

    var isEmpty: Bool { self.byID.isEmpty }

    /// All, also those that are closing, by age.
    var all: [SwarmConnection] { self.byID.values.sorted { $0.id < $1.id } }

    func all(to peer: PeerID) -> [SwarmConnection] { self.byPeer[peer] ?? [] }

    var open: [SwarmConnection] { self.all.filter(\.isOpen) }

    func open(to peer: PeerID) -> [SwarmConnection] { self.all(to: peer).filter(\.isOpen) }

    /// Where streams to the peer go: a connection that stays, direct before relayed, the oldest.
    func best(for peer: PeerID) -> SwarmConnection? {
        let open = self.open(to: peer)
        let staying = open.filter { !self.supplanted.contains($0.id) }
        return staying.first { !$0.remoteAddress.isRelayed } ?? staying.first ?? open.first
    }

    /// Adds a connection.
    ///
    /// - Returns: whether it is the peer's first, and the connections that are to be closed once idle.
    mutating func insert(_ connection: SwarmConnection) -> (isFirst: Bool, supplanted: [SwarmConnection]) {
        let others = self.all(to: connection.remotePeer)
        self.byID[connection.id] = connection
        self.byPeer[connection.remotePeer, default: []].append(connection)

        var losers: [SwarmConnection] = []
        for other in others where other.isOpen && !self.supplanted.contains(other.id) {
            let verdict = DuplicateRule.verdict(
                old: other.facts,
                new: connection.facts,
                localIsSmaller: self.localPeer.bytes.lexicographicallyPrecedes(connection.remotePeer.bytes),
                window: self.simultaneousDialWindow
            )
            switch verdict {
            case .keepBoth: break
            case .supplantNew: losers.append(connection)
            case .supplantOld: losers.append(other)
            }
        }
        for loser in losers {
            self.supplanted.insert(loser.id)
        }
        return (others.isEmpty, losers)
    }

    /// Takes a connection out.
    ///
    /// - Returns: whether it was the peer's last; nil when it was not there.
    mutating func remove(_ connection: SwarmConnection) -> Bool? {
        guard self.byID.removeValue(forKey: connection.id) != nil else { return nil }
        self.supplanted.remove(connection.id)
        var others = self.all(to: connection.remotePeer)
        others.removeAll { $0 === connection }
        self.byPeer[connection.remotePeer] = others.isEmpty ? nil : others
        return others.isEmpty
    }

    /// Whether the connection still is to be closed. Where the one that was to stay is gone, this one stays.
    mutating func isSupplanted(_ connection: SwarmConnection) -> Bool {
        guard self.supplanted.contains(connection.id) else { return false }
        let hasSuccessor = self.open(to: connection.remotePeer).contains { !self.supplanted.contains($0.id) }
        if !hasSuccessor {
            self.supplanted.remove(connection.id)
        }
        return hasSuccessor
    }
}
