public import LibP2PCore
public import LocalIPC
public import NIOCore
public import P2PControl

/// Joins streams with local sockets; see `StreamBridge`.
///
/// The local socket is served on the stream's event loop, so that bytes meet no lock and no hop. A client's connection that was
/// accepted on another loop is moved there.
public final class Bridge: StreamBridge {
    private let limits: BridgeLimits

    public init(limits: BridgeLimits = BridgeLimits()) {
        self.limits = limits
    }

    public func join(_ channel: any Channel, early: ByteBuffer, inputClosed: Bool, to stream: Stream) {
        channel.eventLoop.assertInEventLoop()
        if channel.eventLoop === stream.eventLoop {
            let handler = BridgeHandler(stream: stream, limits: self.limits)
            // An error means that the channel is closed; the handler then finds itself without one.
            try? channel.pipeline.syncOperations.addHandler(handler)
            handler.start(toProgram: nil, toStream: early, inputClosed: inputClosed)
        } else {
            ChannelMove.move(channel, early: early, inputClosed: inputClosed, to: stream, self.limits)
        }
    }

    public func deliver(
        _ stream: Stream,
        to endpoint: LocalEndpoint,
        prologue: ByteBuffer,
        requiredOwner: UInt32?
    ) -> EventLoopFuture<Void> {
        stream.eventLoop.assertInEventLoop()
        let handler = BridgeHandler(stream: stream, limits: self.limits)
        let loop = stream.eventLoop
        return LocalConnector.connect(to: endpoint, on: loop, requiredOwner: requiredOwner) { channel in
            try channel.pipeline.syncOperations.addHandler(handler)
        }.map { _ in
            handler.start(toProgram: prologue, toStream: nil, inputClosed: false)
        }.flatMapError { error in
            // In the next turn: a program that is gone is known at once, and the reset that its absence causes must not
            // overtake the agreement on the protocol, which is still queued. The opener sees a stream that ends.
            loop.submit { throw error }
        }
    }
}

/// How patient a bridge is with a side whose other side is gone.
public struct BridgeLimits: Sendable {
    /// Bytes that a program may still send after its stream has ended, before it is hung up on.
    public var discardBytes = 1_048_576
    /// How long it may do so.
    public var discardTime = TimeAmount.seconds(10)
    /// How long a stream whose program has left may stand still, before it is reset.
    public var lingerInterval = TimeAmount.seconds(5)

    public init() {}
}
