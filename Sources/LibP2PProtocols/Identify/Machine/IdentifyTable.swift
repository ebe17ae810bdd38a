import LibP2PCore
import Multiformats
import NIOCore

/// Which connections are identified, and which of them know our latest state.
struct IdentifyTable {
    private struct Entry {
        let connection: any Connection
        let promise: EventLoopPromise<Void>
        var isIdentified = false
        /// Which state of ours the peer was told; nil until it asked.
        var toldGeneration: UInt64?
    }

    private var entries: [ConnectionID: Entry] = [:]
    private var connectionsPerPeer: [PeerID: Int] = [:]
    private var isStopped = false

    /// Counts the changes of our addresses and protocols.
    private(set) var generation: UInt64 = 0
    private var isCollectionScheduled = false
    /// Connections to push to, each at most once.
    private var pushQueue: [ConnectionID] = []
    private var pushesRunning = 0

    var observed = ObservedAddresses()
    var pushLimiter = PushLimiter()

    init() {}

    /// Enters a connection; false when it is known already.
    mutating func open(_ connection: any Connection) -> Bool {
        guard !self.isStopped, self.entries[connection.id] == nil else { return false }
        self.entries[connection.id] = Entry(
            connection: connection,
            promise: connection.eventLoop.makePromise(of: Void.self)
        )
        self.connectionsPerPeer[connection.remotePeer, default: 0] += 1
        return true
    }

    /// Takes a connection out. The promise is to be succeeded if it is given.
    mutating func close(_ connection: any Connection) -> EventLoopPromise<Void>? {
        guard let entry = self.entries.removeValue(forKey: connection.id) else { return nil }
        let left = (self.connectionsPerPeer[connection.remotePeer] ?? 1) - 1
        self.connectionsPerPeer[connection.remotePeer] = left > 0 ? left : nil
        return entry.isIdentified ? nil : entry.promise
    }

    func isOpen(_ connection: ConnectionID) -> Bool {
        self.entries[connection] != nil
    }

    func isConnected(_ peer: PeerID) -> Bool {
        self.connectionsPerPeer[peer] != nil
    }

    /// Completes when the connection is identified; nil for unknown connections.
    func completion(of connection: ConnectionID) -> EventLoopFuture<Void>? {
        self.entries[connection]?.promise.futureResult
    }

    /// Marks a connection as identified; the promise is to be succeeded then. Nil when it is closed or was marked.
    mutating func identified(_ connection: ConnectionID) -> EventLoopPromise<Void>? {
        guard var entry = self.entries[connection], !entry.isIdentified else { return nil }
        entry.isIdentified = true
        self.entries[connection] = entry
        return entry.promise
    }

    /// Ends everything; the promises are to be succeeded.
    mutating func stop() -> [EventLoopPromise<Void>] {
        self.isStopped = true
        let waiting = self.entries.values.filter { !$0.isIdentified }.map(\.promise)
        self.entries = [:]
        self.connectionsPerPeer = [:]
        self.pushQueue = []
        return waiting
    }
}

// MARK: - Pushing

extension IdentifyTable {
    /// Notes a change of our state; true when somebody was told an older one.
    mutating func localStateChanged() -> Bool {
        self.generation &+= 1
        return self.entries.values.contains { $0.toldGeneration != nil }
    }

    mutating func told(_ connection: ConnectionID, generation: UInt64) {
        guard let told = self.entries[connection] else { return }
        self.entries[connection]?.toldGeneration = max(told.toldGeneration ?? 0, generation)
    }

    func isOutdated(_ connection: ConnectionID) -> Bool {
        guard let told = self.entries[connection]?.toldGeneration else { return false }
        return told < self.generation
    }

    /// False when a collection is on its way already.
    mutating func scheduleCollection() -> Bool {
        guard !self.isCollectionScheduled, !self.isStopped else { return false }
        self.isCollectionScheduled = true
        return true
    }

    /// Queues a push for every identified connection whose peer takes pushes and knows an older state only.
    mutating func collectOutdated(takesPushes: (PeerID) -> Bool) {
        self.isCollectionScheduled = false
        let queued = Set(self.pushQueue)
        let outdated = self.entries.filter { id, entry in
            entry.isIdentified && self.isOutdated(id) && !queued.contains(id)
                && takesPushes(entry.connection.remotePeer)
        }
        self.pushQueue += outdated.keys.sorted()
    }

    /// The next push to start, while fewer than `limit` run.
    mutating func nextPush(limit: Int) -> (connection: any Connection, generation: UInt64)? {
        guard self.pushesRunning < limit else { return nil }
        while let id = self.pushQueue.popLast() {
            guard let entry = self.entries[id], self.isOutdated(id) else { continue }
            self.pushesRunning += 1
            return (entry.connection, self.generation)
        }
        return nil
    }

    mutating func pushEnded() {
        self.pushesRunning -= 1
    }
}
