public import LibP2PCore
public import NIOCore

/// multistream-select on whole channels.
public struct ChannelNegotiator: ChannelNegotiation {
    public init() {}

    public func inbound(_ channel: any Channel, supported: [ProtocolID]) -> EventLoopFuture<ProtocolID> {
        self.add(.listener(MultistreamListener(), supported: supported), isLazy: false, to: channel)
    }

    public func outbound(_ channel: any Channel, protocols: [ProtocolID]) -> EventLoopFuture<ProtocolID> {
        self.dial(channel, protocols: protocols, isLazy: false)
    }

    public func outboundLazy(_ channel: any Channel, protocol protocolID: ProtocolID) -> EventLoopFuture<Void> {
        self.dial(channel, protocols: [protocolID], isLazy: true).map { _ in }
    }

    private func dial(_ channel: any Channel, protocols: [ProtocolID], isLazy: Bool) -> EventLoopFuture<ProtocolID> {
        do throws(MultistreamError) {
            return self.add(.dialer(try MultistreamDialer(protocols: protocols)), isLazy: isLazy, to: channel)
        } catch {
            return channel.eventLoop.makeFailedFuture(TransportError.negotiationFailed(error.description))
        }
    }

    private func add(_ role: MultistreamHandler.Role, isLazy: Bool, to channel: any Channel) -> EventLoopFuture<
        ProtocolID
    > {
        let promise = channel.eventLoop.makePromise(of: ProtocolID.self)
        let handler = MultistreamHandler(role, isLazy: isLazy, promise: promise)
        do {
            try channel.pipeline.syncOperations.addHandler(handler)
        } catch {
            // The pipeline is gone with its channel; the handler never saw it.
            promise.fail(TransportError.negotiationFailed(MultistreamError.channelClosed.description))
        }
        return promise.futureResult
    }
}
