import LibP2PCore
import Multiformats
import NIOCore

extension Swarm {
    /// What the swarm's one lock guards. Transitions happen under it, everything else after it.
    struct State {
        enum Phase {
            case running
            /// `close` was called; `drained` is completed when the last connection is gone, `done` is what callers wait for.
            case closing(drained: EventLoopPromise<Void>, done: EventLoopFuture<Void>)
        }

        var phase = Phase.running
        var table: ConnectionTable
        var dials: [PeerID: PendingDial] = [:]
        var permits: DialPermits<DialAttempt>
        var backoff = DialBackoff()
        var waiterCount = 0
        var nextWaiterID: UInt64 = 0
        var nextConnectionID: UInt64 = 0
        var handlers: [ProtocolID: @Sendable (Stream) -> Void] = [:]
        var listeners: [any Listener] = []

        /// Takes the dial out of the table and those who wait for it out of the dial.
        mutating func takeWaiters(of dial: PendingDial) -> [EventLoopPromise<any Connection>] {
            self.remove(dial)
            let waiters = dial.waiters.sorted { $0.key < $1.key }.map(\.value)
            dial.waiters.removeAll()
            self.waiterCount -= waiters.count
            return waiters
        }

        mutating func remove(_ dial: PendingDial) {
            if self.dials[dial.peer] === dial {
                self.dials[dial.peer] = nil
            }
        }
    }
}
