import LibP2PCore
import LocalIPC
import NIOCore

/// Takes a local connection from its event loop to that of the stream it is joined with.
///
/// A channel cannot change its loop, but its socket can: a second descriptor becomes a new channel and the old one is closed,
/// which ends nothing at the socket.
enum ChannelMove {
    /// Call on the channel's event loop.
    static func move(
        _ channel: any Channel,
        early: ByteBuffer,
        inputClosed: Bool,
        to stream: Stream,
        _ limits: BridgeLimits
    ) {
        let departure = DepartureHandler(early: early, inputClosed: inputClosed)
        let queued = (try? channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
        guard queued > 0 else { return Self.handOver(channel, departure, to: stream, limits) }
        // The program has not yet taken the answer, which would be lost with the old channel.
        do {
            try channel.pipeline.syncOperations.addHandler(departure)
        } catch {
            return Self.handOver(channel, departure, to: stream, limits)
        }
        channel.writeAndFlush(ByteBuffer()).assumeIsolated().whenComplete { _ in
            Self.handOver(channel, departure, to: stream, limits)
        }
    }

    private static func handOver(
        _ channel: any Channel,
        _ departure: DepartureHandler,
        to stream: Stream,
        _ limits: BridgeLimits
    ) {
        let descriptor = LocalSocket.duplicateDescriptor(of: channel)
        let wasActive = channel.isActive
        channel.close(promise: nil)
        let early = departure.early
        let inputClosed = departure.inputClosed
        let loop = stream.eventLoop
        loop.execute {
            let handler = BridgeHandler(stream: stream, limits: limits)
            guard let descriptor else {
                if wasActive { return stream.reset(.resourceLimitExceeded) }
                return handler.start(toProgram: nil, toStream: early, inputClosed: inputClosed)
            }
            LocalConnector.adopt(descriptor, on: loop) { channel in
                try channel.pipeline.syncOperations.addHandler(handler)
            }.whenComplete { _ in
                handler.start(toProgram: nil, toStream: early, inputClosed: inputClosed)
            }
        }
    }
}

/// Keeps what arrives on a channel that is about to leave its loop: an end of file is read even while reading is off.
private final class DepartureHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var early: ByteBuffer
    private(set) var inputClosed: Bool

    init(early: ByteBuffer, inputClosed: Bool) {
        self.early = early
        self.inputClosed = inputClosed
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = self.unwrapInboundIn(data)
        self.early.writeBuffer(&buffer)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            self.inputClosed = true
        }
    }
}
