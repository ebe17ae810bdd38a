import LibP2PCore
import Multiformats
import NIOCore
import Synchronization

/// Connects to a peer and waits until identify has told what it speaks.
package struct Connect: Operation {
    package static let declaration = OperationDeclaration(
        name: "connect",
        doc: "Connects to a peer; done at once when it is connected already.",
        protobuf: .init(1),
        parameters: [
            .init(.peer, "Whom to connect to.", isRequired: true),
            .init(.addresses, "Where to try, besides what is known of the peer."),
            .init(.timeout, "Seconds; 60 when absent or not positive."),
        ],
        result: .one
    )

    let peer: PeerID
    let addresses: [Multiaddr]
    let timeout: TimeAmount

    package init(_ arguments: Arguments) throws(OperationError) {
        self.peer = try arguments.peer()
        self.addresses = try arguments.addresses()
        self.timeout = arguments.timeout()
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        let services = context.services
        let wait = IdentifyWait(peer: self.peer, network: services.network, eventLoop: context.eventLoop)
        let done = services.network.connect(to: self.peer, addresses: self.addresses, timeout: self.timeout)
            .flatMap { connection in
                let isKnown = !services.peerstore.protocols(of: connection.remotePeer).isEmpty
                return wait.identified(isKnown: isKnown, within: services.identifyWait)
            }
            .map { OperationResult.done }
        done.whenComplete { _ in wait.end() }
        return .pending(done, deadline: self.timeout)
    }
}

/// Waits until identify has finished with a peer, whether it succeeded or not: the connection stands either way.
///
/// Subscribes before the dial, so that no event between the dial's end and the wait is missed.
final class IdentifyWait: Sendable {
    private struct State {
        var subscription: EventBus.Subscription?
        var isOver = false
    }

    private let eventLoop: any EventLoop
    private let promise: EventLoopPromise<Void>
    private let state = Mutex(State())

    init(peer: PeerID, network: any Network, eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.promise = eventLoop.makePromise(of: Void.self)
        let subscription = network.events.subscribe { [weak self] event in
            switch event {
            case .identified(let identified, connection: _, succeeded: _) where identified == peer: self?.end()
            case .connectionClosed(let connection, _) where connection.remotePeer == peer: self?.end()
            case .connectionClosed, .connectionOpened, .identified, .localStateChanged: break
            }
        }
        let isOver = self.state.withLock { state in
            state.subscription = subscription
            return state.isOver
        }
        if isOver {
            subscription.cancel()
        }
    }

    /// - Parameter isKnown: identify has told already, on this connection or an earlier one.
    func identified(isKnown: Bool, within limit: TimeAmount) -> EventLoopFuture<Void> {
        if isKnown {
            self.end()
        } else {
            let timer = self.eventLoop.scheduleTask(in: limit) { self.end() }
            self.promise.futureResult.whenComplete { _ in timer.cancel() }
        }
        return self.promise.futureResult
    }

    /// Ends the wait; idempotent.
    func end() {
        let (isFirst, subscription) = self.state.withLock { state in
            defer {
                state.isOver = true
                state.subscription = nil
            }
            return (!state.isOver, state.subscription)
        }
        subscription?.cancel()
        if isFirst {
            self.promise.succeed()
        }
    }
}
