public import Multiformats
public import NIOCore

/// A way to reach and be reached (TCP; later QUIC, WebSocket, Memory).
///
/// A transport yields connections that are already secured and muxed: TCP asks its `Upgrader` for that, QUIC brings its own.
public protocol Transport: Sendable {
    /// Whether `dial` understands this address. Names must be resolved before (`/dns4` is not dialable, `/ip4` is).
    func canDial(_ address: Multiaddr) -> Bool

    /// Whether `listen` understands this address.
    func canListen(_ address: Multiaddr) -> Bool

    /// Connects, secures and muxes. The future fails with `TransportError` or `SecurityError`.
    ///
    /// - Parameters:
    ///   - peer: who is expected there.
    ///   - eventLoop: where the connection lives; the future completes on it.
    ///   - timeout: for the whole way.
    func dial(
        _ address: Multiaddr,
        peer: PeerID,
        on eventLoop: any EventLoop,
        timeout: TimeAmount
    ) -> EventLoopFuture<UpgradedConnection>

    /// Binds the address and accepts until the listener is closed.
    ///
    /// `onConnection` is called on the new connection's event loop. Connections that fail to upgrade are closed and logged at debug.
    func listen(
        _ address: Multiaddr,
        onConnection: @escaping @Sendable (UpgradedConnection) -> Void
    ) -> EventLoopFuture<any Listener>
}

/// A bound address.
public protocol Listener: Sendable {
    /// Where it listens, port resolved, `0.0.0.0` and `::` kept.
    var address: Multiaddr { get }

    /// Stops accepting. Connections stay.
    func close() -> EventLoopFuture<Void>
}

/// A connection that is ready for streams. `muxed` is confined to its event loop.
public struct UpgradedConnection: @unchecked Sendable {
    // Unchecked: `muxed` is only touched on `muxed.eventLoop`; handing the reference over is harmless.

    public let muxed: any MuxedConnection
    public let peer: SecuredPeer
    public let muxer: ProtocolID
    public let direction: Direction
    public let localAddress: Multiaddr
    public let remoteAddress: Multiaddr
    /// What the connection was counted for when it was accepted (`ConnectionAdmission`); nil when nothing counted it.
    public let scope: ConnectionScope?

    public init(
        muxed: any MuxedConnection,
        peer: SecuredPeer,
        muxer: ProtocolID,
        direction: Direction,
        localAddress: Multiaddr,
        remoteAddress: Multiaddr,
        scope: ConnectionScope? = nil
    ) {
        self.muxed = muxed
        self.peer = peer
        self.muxer = muxer
        self.direction = direction
        self.localAddress = localAddress
        self.remoteAddress = remoteAddress
        self.scope = scope
    }
}

/// Secures and muxes a fresh channel: multistream-select, security handshake, muxer. Implemented by the swarm's Upgrader.
public protocol Upgrader: Sendable {
    /// On the channel's event loop; the channel has no handlers yet and reads nothing before. Closes the channel on failure.
    ///
    /// - Parameters:
    ///   - expectedPeer: nil on inbound connections.
    ///   - timeout: for the whole upgrade; a peer that stalls in any phase is cut off by it.
    func upgrade(
        _ channel: any Channel,
        direction: Direction,
        expectedPeer: PeerID?,
        localAddress: Multiaddr,
        remoteAddress: Multiaddr,
        timeout: TimeAmount
    ) -> EventLoopFuture<UpgradedConnection>
}

/// Why a transport could not connect or listen.
public enum TransportError: Error, Sendable, Hashable {
    /// The address is not one of this transport's.
    case addressNotSupported(Multiaddr)
    /// The port is taken or the address is not ours; the text is the system's.
    case bindFailed(Multiaddr, String)
    /// The peer could not be reached; the text is the system's.
    case connectFailed(Multiaddr, String)
    /// A limit of ours refused the connection.
    case limitExceeded(String)
    /// No protocol in common.
    case negotiationFailed(String)
    /// It took too long.
    case timedOut
}
