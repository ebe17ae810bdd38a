public import Multiformats
import Synchronization

/// What happens on a network, for whoever subscribes.
public enum NetworkEvent: Sendable {
    /// A connection was opened and is in the tables.
    case connectionOpened(any Connection)
    /// A connection is gone and out of the tables.
    case connectionClosed(any Connection, ConnectionCloseReason)
    /// Identify has told what a peer speaks and where it is, or has failed to.
    case identified(PeerID, connection: ConnectionID, succeeded: Bool)
    /// Our own addresses or protocols have changed.
    case localStateChanged
}

/// Delivers events to subscribers, synchronously and in order of subscription, on the thread where they happen.
///
/// Subscribers must be quick and must not block; one that queues has to bound its queue.
public final class EventBus: Sendable {
    private struct State {
        var nextID: UInt64 = 0
        var subscribers: [(id: UInt64, receive: @Sendable (NetworkEvent) -> Void)] = []
    }

    private let state = Mutex(State())

    public init() {}

    /// Calls `receive` for every event until the subscription is cancelled.
    public func subscribe(_ receive: @escaping @Sendable (NetworkEvent) -> Void) -> Subscription {
        let id = self.state.withLock { state in
            state.nextID &+= 1
            state.subscribers.append((state.nextID, receive))
            return state.nextID
        }
        return Subscription(bus: self, id: id)
    }

    public func publish(_ event: NetworkEvent) {
        let subscribers = self.state.withLock { $0.subscribers }
        for subscriber in subscribers {
            subscriber.receive(event)
        }
    }

    /// Ends a subscription when told to; dropping it changes nothing.
    public struct Subscription: Sendable {
        fileprivate let bus: EventBus
        fileprivate let id: UInt64

        public func cancel() {
            self.bus.state.withLock { state in
                state.subscribers.removeAll { $0.id == self.id }
            }
        }
    }
}
