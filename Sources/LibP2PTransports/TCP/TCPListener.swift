import LibP2PCore
import Logging
import Multiformats
import NIOCore

/// A bound TCP socket that stays bound: when the system takes it away, it is bound again.
///
/// accept(2) reports errors of the network as if they were the listener's, and NIO closes on those it does not know.
final class TCPListener: Listener, @unchecked Sendable {
    // Unchecked: `state` is touched on `loop` only; the rest never changes.

    private enum State {
        case listening(any Channel)
        /// The socket is gone; a timer or a bind is under way.
        case rebinding
        case closed
    }

    let address: Multiaddr
    private let boundAddress: SocketAddress
    private let loop: any EventLoop
    private let backoff: TimeAmount
    private let logger: Logger?
    private let bind: Bind
    private var state: State

    /// Binds the address given, or with nil the one that was asked for; nil when it cannot bind again.
    typealias Bind = @Sendable (SocketAddress?) -> EventLoopFuture<any Channel>?

    private init(
        _ channel: any Channel,
        at address: (Multiaddr, SocketAddress),
        configuration: TCPConfiguration,
        logger: Logger?,
        bind: @escaping Bind
    ) {
        (self.address, self.boundAddress) = address
        self.loop = channel.eventLoop
        self.backoff = configuration.acceptBackoff
        self.logger = logger
        self.bind = bind
        self.state = .listening(channel)
    }

    /// Binds for the first time. The future fails with the system's error.
    static func open(
        on loop: any EventLoop,
        configuration: TCPConfiguration,
        logger: Logger?,
        bind: @escaping Bind
    ) -> EventLoopFuture<any Listener> {
        guard let bound = bind(nil) else {
            return loop.makeFailedFuture(ChannelError.operationUnsupported)
        }
        return bound.hop(to: loop).flatMapThrowing { channel in
            guard let socketAddress = channel.localAddress, let address = Multiaddr(socketAddress) else {
                channel.close(promise: nil)
                throw ChannelError.operationUnsupported
            }
            let listener = TCPListener(
                channel,
                at: (address, socketAddress),
                configuration: configuration,
                logger: logger,
                bind: bind
            )
            listener.watch(channel)
            return listener
        }
    }

    func close() -> EventLoopFuture<Void> {
        self.loop.flatSubmit {
            guard case .listening(let channel) = self.state else {
                self.state = .closed
                return self.loop.makeSucceededVoidFuture()
            }
            self.state = .closed
            // A socket that is closed already is what was asked for.
            return channel.close().flatMapErrorThrowing { _ in }
        }
    }

    private func watch(_ channel: any Channel) {
        channel.closeFuture.whenComplete { _ in
            self.loop.preconditionInEventLoop()
            self.channelClosed()
        }
    }

    private func channelClosed() {
        switch self.state {
        case .closed, .rebinding:
            return
        case .listening:
            self.state = .rebinding
            self.logger?.warning("listening socket lost", metadata: ["address": "\(self.address)"])
            self.scheduleRebind()
        }
    }

    private func scheduleRebind() {
        self.loop.scheduleTask(in: self.backoff) { self.rebind() }
    }

    private func rebind() {
        guard case .rebinding = self.state, let bound = self.bind(self.boundAddress) else {
            return
        }
        bound.hop(to: self.loop).whenComplete { result in
            switch (result, self.state) {
            case (.success(let channel), .rebinding):
                self.state = .listening(channel)
                self.watch(channel)
                self.logger?.info("listening again", metadata: ["address": "\(self.address)"])
            case (.success(let channel), .closed), (.success(let channel), .listening):
                channel.close(promise: nil)
            case (.failure, .rebinding):
                self.scheduleRebind()
            case (.failure, .closed), (.failure, .listening):
                break
            }
        }
    }
}
