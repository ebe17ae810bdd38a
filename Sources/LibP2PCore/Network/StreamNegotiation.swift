public import NIOCore

/// Agrees on the protocol of a stream by multistream-select; implemented by LibP2PUpgrades' `StreamNegotiator`.
///
/// Every function is called on the stream's event loop, the futures complete on it and fail with `NetworkError`:
/// `.protocolsNotSupported`, `.streamReset`, `.connectionClosed`, `.timedOut`. When an eager negotiation has ended,
/// the stream's `delegate` is nil and bytes that came after the agreement are held in it, in order (`MuxedStream.unread`).
/// Where it failed the stream has been reset. libp2p/specs connections/README.md §"Protocol Negotiation".
public protocol StreamNegotiation: Sendable {
    /// Answers the peer's proposals, `na` to those that are not supported, until one is or `timeout` has passed.
    func inbound(
        _ stream: any MuxedStream,
        isSupported: @escaping @Sendable (ProtocolID) -> Bool,
        timeout: TimeAmount
    ) -> EventLoopFuture<ProtocolID>

    /// Proposes `protocols` in order and waits for the peer's answers.
    ///
    /// - Parameter protocols: not empty.
    func outbound(
        _ stream: any MuxedStream,
        protocols: [ProtocolID],
        timeout: TimeAmount
    ) -> EventLoopFuture<ProtocolID>

    /// Proposes `stream.protocolID` and does not wait: the proposal is written before this returns, so that it travels with
    /// whatever the caller writes in the same turn of the loop.
    ///
    /// The stream was made with `isNegotiating: true`. On the peer's confirmation, or on its failure (the stream is reset
    /// then, and by `timeout` at the latest), `stream.negotiationEnded()` is called.
    func outboundLazy(_ stream: Stream, timeout: TimeAmount)
}
