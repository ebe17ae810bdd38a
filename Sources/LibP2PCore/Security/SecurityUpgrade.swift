public import Multiformats
public import NIOCore

/// A way to authenticate and encrypt a channel (Noise, TLS).
public protocol SecurityUpgrade: Sendable {
    /// The name in multistream-select.
    var protocolID: ProtocolID { get }

    /// Adds the handlers of the secure channel at the end of the pipeline and runs the handshake. On the channel's event loop.
    ///
    /// Inbound and outbound data of handlers added later are plaintext `ByteBuffer`s. The future completes on the
    /// channel's event loop, before any decrypted byte is fired, so that its callback can add the next handlers.
    /// The caller bounds the time; on its expiry it closes the channel, which fails the future.
    ///
    /// - Parameters:
    ///   - expectedPeer: on outbound connections the peer that was dialled; another identity fails with `.peerIDMismatch`.
    ///   - muxers: what we can mux with, best first, for early muxer negotiation (libp2p/specs connections/inlined-muxer-negotiation.md).
    /// - Returns: a future that fails with `SecurityError`.
    func secure(
        _ channel: any Channel,
        direction: Direction,
        expectedPeer: PeerID?,
        muxers: [ProtocolID]
    ) -> EventLoopFuture<SecuredPeer>
}

/// What a security handshake has proven.
public struct SecuredPeer: Sendable {
    /// The peer's identity; always the hash of `publicKey`.
    public let peerID: PeerID
    public let publicKey: PublicKey
    /// Which handshake proved it.
    public let security: ProtocolID
    /// The muxer both agreed on during the handshake, nil when multistream-select has to find one.
    public let muxer: ProtocolID?

    public init(peerID: PeerID, publicKey: PublicKey, security: ProtocolID, muxer: ProtocolID?) {
        self.peerID = peerID
        self.publicKey = publicKey
        self.security = security
        self.muxer = muxer
    }
}

/// Why a security handshake failed.
public enum SecurityError: Error, Sendable, Hashable {
    /// The channel ended before the handshake did.
    case channelClosed
    /// The peer's message could not be decrypted, parsed or verified; the text is for the log and holds no peer bytes.
    case handshakeFailed(String)
    /// The peer proved another identity than the one that was dialled.
    case peerIDMismatch(expected: PeerID, actual: PeerID)
    /// The peer proved to be ourselves.
    case selfDial
}
