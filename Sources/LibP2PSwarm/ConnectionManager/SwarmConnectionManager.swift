import LibP2PCore
import Multiformats
import NIOCore
import Synchronization

/// Closes the least valuable connections of a swarm when there are too many.
final class SwarmConnectionManager: ConnectionManager {
    private struct State {
        var tags = PeerTags()
        weak var swarm: Swarm?
        var timer: RepeatedTask?
    }

    private let configuration: ConnectionManagerConfiguration
    private let loop: any EventLoop
    private let state = Mutex(State())

    init(configuration: ConnectionManagerConfiguration, loop: any EventLoop) {
        self.configuration = configuration
        self.loop = loop
    }

    /// Begins to look at the number of connections from time to time.
    func start(_ swarm: Swarm) {
        let interval = self.configuration.interval
        let timer = self.loop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { [weak self] task in
            guard let self else { return task.cancel() }
            self.trimIfNeeded()
        }
        self.state.withLock { state in
            state.swarm = swarm
            state.timer = timer
        }
    }

    func stop() {
        let timer = self.state.withLock { state in
            defer { state.timer = nil }
            return state.timer
        }
        timer?.cancel()
    }

    func tag(_ peer: PeerID, tag: String, weight: Int64) {
        self.state.withLock { $0.tags.tag(peer, tag, weight: weight) }
    }

    func untag(_ peer: PeerID, tag: String) {
        self.state.withLock { $0.tags.untag(peer, tag) }
    }

    func protect(_ peer: PeerID, tag: String) {
        self.state.withLock { $0.tags.protect(peer, tag) }
    }

    func unprotect(_ peer: PeerID, tag: String) {
        self.state.withLock { $0.tags.unprotect(peer, tag) }
    }

    func trim() -> EventLoopFuture<Void> {
        guard let swarm = self.state.withLock({ $0.swarm }) else { return self.loop.makeSucceededVoidFuture() }
        let open = swarm.openConnections
        let chosen = self.state.withLock { state in
            Set(
                TrimPlan.connectionsToClose(
                    open.map { Self.candidate($0, state.tags) },
                    lowWater: self.configuration.lowWater,
                    gracePeriod: self.configuration.gracePeriod,
                    now: self.loop.now
                )
            )
        }
        return swarm.closeVisibly(open.filter { chosen.contains($0.id) }, .garbageCollected)
    }

    private func trimIfNeeded() {
        guard let swarm = self.state.withLock({ $0.swarm }),
            swarm.openConnections.count > self.configuration.highWater
        else { return }
        _ = self.trim()
    }

    private static func candidate(_ connection: SwarmConnection, _ tags: PeerTags) -> TrimPlan.Candidate {
        TrimPlan.Candidate(
            id: connection.id,
            peer: connection.remotePeer,
            direction: connection.direction,
            openedAt: connection.openedAt,
            streams: connection.streamCount,
            value: tags.value(of: connection.remotePeer),
            isProtected: tags.isProtected(connection.remotePeer)
        )
    }
}
