import LibP2PCore
public import Multiformats
public import NIOCore
import Synchronization

/// Ending connections and the swarm.
extension Swarm {
    public func disconnect(_ peer: PeerID) -> EventLoopFuture<Void> {
        let connections = self.state.withLock { $0.table.all(to: peer) }
        return self.closeVisibly(connections, .noError)
    }

    /// Closes connections; succeeds when they are closed and the peers had a moment to notice.
    func closeVisibly(_ connections: [SwarmConnection], _ code: ConnectionErrorCode) -> EventLoopFuture<Void> {
        let loop = self.group.any()
        guard !connections.isEmpty else { return loop.makeSucceededVoidFuture() }
        let closed = connections.map { $0.close(code) }
        return EventLoopFuture.whenAllComplete(closed, on: loop).flatMap { _ in
            loop.scheduleTask(in: self.configuration.disconnectNotice) {}.futureResult
        }
    }

    /// Stops listening, fails all who wait, says goodbye on every connection and closes it. Idempotent.
    ///
    /// Succeeds when all connections are gone, after `closeTimeout` at the latest.
    public func close() -> EventLoopFuture<Void> {
        let loop = self.group.any()
        let drained = loop.makePromise(of: Void.self)
        let done = loop.makePromise(of: Void.self)

        enum Begun {
            case already(EventLoopFuture<Void>)
            case now([any Listener], [EventLoopPromise<any Connection>], [SwarmConnection])
        }
        let begun = self.state.withLock { state -> Begun in
            if case .closing(_, let done) = state.phase { return .already(done) }
            state.phase = .closing(drained: drained, done: done.futureResult)
            let listeners = state.listeners
            state.listeners.removeAll()
            var waiters: [EventLoopPromise<any Connection>] = []
            for dial in Array(state.dials.values) {
                dial.machine.finish()
                waiters += state.takeWaiters(of: dial)
            }
            return .now(listeners, waiters, state.table.all)
        }
        switch begun {
        case .already(let future):
            drained.succeed()
            done.succeed()
            return future
        case .now(let listeners, let waiters, let connections):
            self.stopConnectionManager()
            for waiter in waiters {
                waiter.fail(NetworkError.networkClosed)
            }
            let unbound = listeners.map { $0.close() }
            for connection in connections {
                _ = connection.close(.shutdown)
            }
            if connections.isEmpty {
                drained.succeed()
            }
            // Completing a promise again has no effect.
            let timer = loop.scheduleTask(in: self.configuration.closeTimeout) {
                drained.succeed()
                done.succeed()
            }
            EventLoopFuture.whenAllComplete(unbound, on: loop).and(drained.futureResult).whenComplete { _ in
                timer.cancel()
                done.succeed()
            }
            return done.futureResult
        }
    }
}
