public import LibP2PCore
public import Logging
public import Multiformats
public import NIOCore
import NIOPosix

/// Connections over TCP, secured and muxed by an `Upgrader`.
///
/// Dials `[/ip6zone/Z]/ip4|ip6/A/tcp/P[/p2p/ID]`, listens on `[/ip6zone/Z]/ip4|ip6/A/tcp/P`, port 0 for any.
/// Channels are made with reading off; the upgrader turns it on when its handlers are in, so that no byte is lost.
public struct TCPTransport: Transport {
    let group: any EventLoopGroup
    let upgrader: any Upgrader
    let configuration: TCPConfiguration
    let logger: Logger?
    let limiter: InboundLimiter

    /// - Parameters:
    ///   - group: of NIOPosix; accepted connections are spread over its loops.
    ///   - logger: nil to be silent.
    public init(
        group: any EventLoopGroup,
        upgrader: any Upgrader,
        configuration: TCPConfiguration = TCPConfiguration(),
        logger: Logger? = nil
    ) {
        self.group = group
        self.upgrader = upgrader
        self.configuration = configuration
        self.logger = logger
        self.limiter = InboundLimiter(configuration)
    }

    public func canDial(_ address: Multiaddr) -> Bool {
        guard let endpoint = TCPTransport.endpoint(of: address.withoutPeerID) else {
            return false
        }
        return endpoint.port != 0
    }

    public func canListen(_ address: Multiaddr) -> Bool {
        TCPTransport.endpoint(of: address) != nil
    }

    /// The end point when the address is nothing but one.
    static func endpoint(of address: Multiaddr) -> Multiaddr.SocketEndpoint? {
        guard let endpoint = address.tcpEndpoint else {
            return nil
        }
        let isBare = address.components.count == (endpoint.zone == nil ? 2 : 3)
        return isBare ? endpoint : nil
    }
}

// MARK: - Dialling

extension TCPTransport {
    public func dial(
        _ address: Multiaddr,
        peer: PeerID,
        on eventLoop: any EventLoop,
        timeout: TimeAmount
    ) -> EventLoopFuture<UpgradedConnection> {
        guard self.canDial(address), let endpoint = TCPTransport.endpoint(of: address.withoutPeerID),
            let target = SocketAddress(endpoint), let bootstrap = ClientBootstrap(validatingGroup: eventLoop)
        else {
            return eventLoop.makeFailedFuture(TransportError.addressNotSupported(address))
        }
        let deadline = NIODeadline.now() + timeout
        let connected =
            bootstrap
            .channelOptions(of: self.configuration)
            .connectTimeout(min(self.configuration.connectTimeout, timeout))
            .connect(to: target)
            .flatMapErrorThrowing { error in throw TransportError(error, dialling: address) }
        return connected.flatMap { channel in
            let remaining = deadline - NIODeadline.now()
            guard remaining > .zero, let localAddress = Multiaddr(channel.localAddress) else {
                channel.close(promise: nil)
                return eventLoop.makeFailedFuture(
                    remaining > .zero ? .connectFailed(address, "connection closed") : TransportError.timedOut
                )
            }
            return self.upgrader.upgrade(
                channel,
                direction: .outbound,
                expectedPeer: peer,
                localAddress: localAddress,
                remoteAddress: address.withoutPeerID,
                timeout: remaining
            )
        }
    }
}

extension ClientBootstrap {
    fileprivate func channelOptions(of configuration: TCPConfiguration) -> ClientBootstrap {
        self
            .channelOption(.autoRead, value: false)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.recvAllocator, value: configuration.receiveAllocator)
            .channelOption(.writeBufferWaterMark, value: configuration.writeBufferWaterMark)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelOption(.keepAliveIdle, value: configuration.keepAliveIntervalSeconds)
            .channelOption(.keepAliveInterval, value: configuration.keepAliveIntervalSeconds)
    }
}

extension TransportError {
    /// What a failed connect means.
    fileprivate init(_ error: any Error, dialling address: Multiaddr) {
        switch error {
        case let error as TransportError: self = error
        case ChannelError.connectTimeout: self = .timedOut
        default: self = .connectFailed(address, SystemErrorText.describe(error))
        }
    }
}
