public import NIOCore

/// Agrees on a protocol for a whole channel (its security, then its muxer) by multistream-select; implemented by LibP2PUpgrades'
/// `ChannelNegotiator`.
///
/// Every function is called on the channel's event loop, adds one handler at the end of the pipeline and fails its future with
/// `TransportError.negotiationFailed`, also when the channel ends. The caller bounds the time; on its expiry it closes the channel.
/// The futures complete on the loop before any byte behind the agreement is fired, so that their callbacks can add the next
/// handlers; the handler removes itself then. libp2p/specs connections/README.md §"multistream-select".
public protocol ChannelNegotiation: Sendable {
    /// Answers the peer's proposals until one is of `supported`.
    func inbound(_ channel: any Channel, supported: [ProtocolID]) -> EventLoopFuture<ProtocolID>

    /// Proposes in order and waits for the peer's answers.
    func outbound(_ channel: any Channel, protocols: [ProtocolID]) -> EventLoopFuture<ProtocolID>

    /// Proposes one protocol and counts on its acceptance: the caller adds the next handlers when this returns.
    ///
    /// The proposal is written but not flushed before the next turn of the loop, so that it travels with what they write.
    ///
    /// - Returns: a future of the peer's confirmation. When it fails the channel has been closed.
    func outboundLazy(_ channel: any Channel, protocol protocolID: ProtocolID) -> EventLoopFuture<Void>
}
