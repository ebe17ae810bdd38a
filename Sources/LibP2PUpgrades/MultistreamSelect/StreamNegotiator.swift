public import LibP2PCore
public import NIOCore

/// multistream-select on the streams of a muxed connection.
public struct StreamNegotiator: StreamNegotiation {
    /// How long a peer may take to agree on a stream's protocol; the same as go-libp2p's `DefaultNegotiationTimeout`.
    public static let defaultTimeout = TimeAmount.seconds(10)

    public init() {}

    public func inbound(
        _ stream: any MuxedStream,
        isSupported: @escaping @Sendable (ProtocolID) -> Bool,
        timeout: TimeAmount = Self.defaultTimeout
    ) -> EventLoopFuture<ProtocolID> {
        stream.eventLoop.assertInEventLoop()
        let negotiation = InboundStreamNegotiation(stream, isSupported: isSupported)
        negotiation.start(timeout: timeout)
        return negotiation.result
    }

    public func outbound(
        _ stream: any MuxedStream,
        protocols: [ProtocolID],
        timeout: TimeAmount = Self.defaultTimeout
    ) -> EventLoopFuture<ProtocolID> {
        stream.eventLoop.assertInEventLoop()
        do throws(MultistreamError) {
            let machine = try MultistreamDialer(protocols: protocols)
            let negotiation = OutboundStreamNegotiation(stream, machine: machine, protocols: protocols)
            negotiation.start(timeout: timeout)
            return negotiation.result
        } catch {
            stream.reset(.protocolNegotiationFailed)
            let reason: NetworkError = error == .noProtocols ? .noProtocols : .protocolsNotSupported(protocols)
            return stream.eventLoop.makeFailedFuture(reason)
        }
    }

    /// The deadline counts from now, whether or not the user reads: the confirmation is taken out of the stream as it comes, and
    /// only bytes behind it wait for the user.
    public func outboundLazy(_ stream: Stream, timeout: TimeAmount = Self.defaultTimeout) {
        stream.eventLoop.assertInEventLoop()
        do throws(MultistreamError) {
            let machine = try MultistreamDialer(protocols: [stream.protocolID])
            LazyStreamNegotiation(stream, machine: machine).start(timeout: timeout)
        } catch {
            stream.muxed.reset(.protocolNegotiationFailed)
            stream.negotiationEnded()
        }
    }
}
