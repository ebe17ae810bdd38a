import Glibc
public import LibP2PCore
import Logging
public import Multiformats
public import NIOCore
import NIOPosix

extension TCPTransport {
    public func listen(
        _ address: Multiaddr,
        onConnection: @escaping @Sendable (UpgradedConnection) -> Void
    ) -> EventLoopFuture<any Listener> {
        let loop = self.group.next()
        guard let endpoint = TCPTransport.endpoint(of: address), let target = SocketAddress(endpoint) else {
            return loop.makeFailedFuture(TransportError.addressNotSupported(address))
        }
        return TCPListener.open(
            on: loop,
            configuration: self.configuration,
            logger: self.logger,
            // The first time with the port as given, later with the one that was found.
            bind: { bound in
                let isIPv6 = target.protocol == .inet6
                return self.serverBootstrap(on: loop, isIPv6: isIPv6, onConnection)?.bind(to: bound ?? target)
            }
        ).flatMapErrorThrowing { error in
            throw TransportError.bindFailed(address, SystemErrorText.describe(error))
        }
    }

    /// Accepts on a socket that is bound and listening already, such as one the service manager passes.
    ///
    /// Takes the descriptor; closes it on failure and with the listener.
    public func listen(
        onDescriptor descriptor: CInt,
        onConnection: @escaping @Sendable (UpgradedConnection) -> Void
    ) -> EventLoopFuture<any Listener> {
        let loop = self.group.next()
        return TCPListener.open(
            on: loop,
            configuration: self.configuration,
            logger: self.logger,
            bind: { bound in
                // The descriptor is used up: a lost socket can only be passed again.
                guard bound == nil, let bootstrap = self.serverBootstrap(on: loop, isIPv6: false, onConnection) else {
                    return nil
                }
                return bootstrap.withBoundSocket(descriptor)
            }
        )
    }

    private func serverBootstrap(
        on loop: any EventLoop,
        isIPv6: Bool,
        _ onConnection: @escaping @Sendable (UpgradedConnection) -> Void
    ) -> ServerBootstrap? {
        let configuration = self.configuration
        let logger = self.logger
        guard let bootstrap = ServerBootstrap(validatingGroup: loop, childGroup: self.group) else {
            return nil
        }
        let common =
            bootstrap
            .serverChannelOption(.backlog, value: configuration.backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        AcceptBackoffHandler(backoff: configuration.acceptBackoff, logger: logger)
                    )
                }
            }
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            .childChannelOption(.recvAllocator, value: configuration.receiveAllocator)
            .childChannelOption(.writeBufferWaterMark, value: configuration.writeBufferWaterMark)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .childChannelOption(.socketOption(.so_keepalive), value: 1)
            .childChannelOption(.keepAliveIdle, value: configuration.keepAliveIntervalSeconds)
            .childChannelOption(.keepAliveInterval, value: configuration.keepAliveIntervalSeconds)
            .childChannelInitializer { channel in self.admit(channel, onConnection) }
        // Without it `::` would take the IPv4 port too, and listening on both would fail.
        return isIPv6
            ? common.serverChannelOption(ChannelOptions.Types.SocketOption(level: .ipv6, name: .ipv6_v6only), value: 1)
            : common
    }

    /// On the accepted channel's loop, before it is active.
    private func admit(
        _ channel: any Channel,
        _ onConnection: @escaping @Sendable (UpgradedConnection) -> Void
    ) -> EventLoopFuture<Void> {
        guard let localAddress = Multiaddr(channel.localAddress), let remoteAddress = Multiaddr(channel.remoteAddress)
        else {
            // The peer was gone before its connection was accepted.
            return channel.eventLoop.makeFailedFuture(ChannelError.eof)
        }
        let ticket: InboundGate.Ticket
        switch self.limiter.receiveConnection(from: remoteAddress.ipAddress) {
        case .admit(let admitted):
            ticket = admitted
        case .refuse(let refusal):
            self.logger?.debug(
                "inbound connection refused",
                metadata: ["remote": "\(remoteAddress)", "cause": "\(refusal)"]
            )
            return channel.eventLoop.makeFailedFuture(TransportError.limitExceeded("inbound connections"))
        }
        let promise = channel.eventLoop.makePromise(of: UpgradedConnection.self)
        promise.futureResult.whenComplete { result in
            self.limiter.finished(ticket)
            switch result {
            case .success(let connection):
                onConnection(connection)
            case .failure(let error):
                self.logger?.debug(
                    "inbound connection failed",
                    metadata: ["remote": "\(remoteAddress)", "cause": "\(error)"]
                )
            }
        }
        let starter = InboundStarter(promise) { channel in
            self.upgrader.upgrade(
                channel,
                direction: .inbound,
                expectedPeer: nil,
                localAddress: localAddress,
                remoteAddress: remoteAddress,
                timeout: self.configuration.acceptTimeout
            )
        }
        return channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(starter)
        }
    }
}

extension ChannelOption where Self == ChannelOptions.Types.SocketOption {
    /// TCP_KEEPIDLE, in seconds.
    static var keepAliveIdle: Self {
        ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCP_KEEPIDLE))
    }

    /// TCP_KEEPINTVL, in seconds.
    static var keepAliveInterval: Self {
        ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCP_KEEPINTVL))
    }
}
