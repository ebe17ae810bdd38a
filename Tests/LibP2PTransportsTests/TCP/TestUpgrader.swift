import LibP2PCore
import Multiformats
import NIOCore
import Synchronization

/// An upgrader that secures nothing: it collects what arrives and completes when it is told to.
final class TestUpgrader: Upgrader {
    /// What an upgrade was asked for, with the promise that ends it.
    struct Request: Sendable {
        let channel: any Channel
        let direction: Direction
        let expectedPeer: PeerID?
        let localAddress: Multiaddr
        let remoteAddress: Multiaddr
        let timeout: TimeAmount
        let handlerCount: Int
        let promise: EventLoopPromise<UpgradedConnection>
    }

    private let requests: AsyncStream<Request>
    private let continuation: AsyncStream<Request>.Continuation
    private let isHolding: Bool
    let key: PublicKey

    /// - Parameter isHolding: whether upgrades wait for `complete`; else they succeed at once.
    init(isHolding: Bool = false) throws {
        self.isHolding = isHolding
        self.key = try PrivateKey.generate(.ed25519).publicKey
        (self.requests, self.continuation) = AsyncStream.makeStream()
    }

    func upgrade(
        _ channel: any Channel,
        direction: Direction,
        expectedPeer: PeerID?,
        localAddress: Multiaddr,
        remoteAddress: Multiaddr,
        timeout: TimeAmount
    ) -> EventLoopFuture<UpgradedConnection> {
        channel.eventLoop.preconditionInEventLoop()
        let handlers = try? channel.pipeline.syncOperations.context(handlerType: InboundProbe.self)
        let request = Request(
            channel: channel,
            direction: direction,
            expectedPeer: expectedPeer,
            localAddress: localAddress,
            remoteAddress: remoteAddress,
            timeout: timeout,
            handlerCount: handlers == nil ? 0 : 1,
            promise: channel.eventLoop.makePromise()
        )
        channel.closeFuture.whenComplete { _ in request.promise.fail(ChannelError.eof) }
        if !self.isHolding {
            self.complete(request)
        }
        self.continuation.yield(request)
        return request.promise.futureResult
    }

    /// The next upgrade that was asked for.
    func next() async -> Request? {
        var iterator = self.requests.makeAsyncIterator()
        return await iterator.next()
    }

    func complete(_ request: Request) {
        let muxed = TestMuxedConnection(request.channel)
        request.promise.succeed(
            UpgradedConnection(
                muxed: muxed,
                peer: SecuredPeer(peerID: self.key.peerID, publicKey: self.key, security: "/test", muxer: nil),
                muxer: "/test",
                direction: request.direction,
                localAddress: request.localAddress,
                remoteAddress: request.remoteAddress
            )
        )
    }
}

/// Collects bytes until there are as many as expected.
final class InboundProbe: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private var received: [UInt8] = []
    private let expectedCount: Int
    private let promise: EventLoopPromise<[UInt8]>

    init(expecting count: Int, promise: EventLoopPromise<[UInt8]>) {
        self.expectedCount = count
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.received += Array(buffer: InboundProbe.unwrapInboundIn(data))
        if self.received.count >= self.expectedCount {
            self.promise.succeed(self.received)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.promise.succeed(self.received)
    }
}

/// Only a channel; it has no streams.
final class TestMuxedConnection: MuxedConnection, @unchecked Sendable {
    // Unchecked: nothing in it changes but the delegate, which no test sets.

    let channel: any Channel
    var delegate: (any MuxedConnectionDelegate)?

    init(_ channel: any Channel) {
        self.channel = channel
    }

    var eventLoop: any EventLoop { self.channel.eventLoop }
    var streamCount: Int { 0 }
    var roundTripTime: TimeAmount? { nil }

    func openStream() throws(MuxerError) -> any MuxedStream {
        throw .connectionClosed
    }

    func close(_ code: ConnectionErrorCode) -> EventLoopFuture<Void> {
        self.channel.close()
    }
}
