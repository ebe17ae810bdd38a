import LibP2PCore
import LibP2PUpgrades
import Multiformats
import NIOCore
import NIOPosix
import Testing

@Suite struct TLSLoopbackTests {
    @Test(.timeLimit(.minutes(1)))
    func aMegabyteGoesThroughRealSocketsAndComesBack() async throws {
        let serverKey = try PrivateKey.generate(.ed25519)
        let clientKey = try PrivateKey.generate(.rsa)
        let serverUpgrade = TLSUpgrade(hostKey: serverKey)
        let clientUpgrade = TLSUpgrade(hostKey: clientKey)
        let count = 1_048_576
        let group = MultiThreadedEventLoopGroup.singleton

        let server = try await ServerBootstrap(group: group)
            .childChannelInitializer { channel in
                serverUpgrade.secure(channel, direction: .inbound, expectedPeer: nil, muxers: ["/yamux/1.0.0"])
                    .assumeIsolated()
                    .whenSuccess { _ in
                        // A failure would show as a missing echo.
                        try? channel.pipeline.syncOperations.addHandler(Echo())
                    }
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .bind(host: "127.0.0.1", port: 0)
            .get()
        let address = try #require(server.localAddress)
        let client = try await ClientBootstrap(group: group).connect(to: address).get()
        let echoed = client.eventLoop.makePromise(of: Int.self)
        let secured = try await client.eventLoop.flatSubmit {
            clientUpgrade.secure(
                client,
                direction: .outbound,
                expectedPeer: serverKey.peerID,
                muxers: ["/yamux/1.0.0"]
            )
            .assumeIsolated()
            .flatMapThrowing { peer in
                try client.pipeline.syncOperations.addHandler(Counter(expected: count, promise: echoed))
                return peer
            }
            .nonisolated()
        }.get()
        client.writeAndFlush(ByteBuffer(repeating: 7, count: count), promise: nil)

        #expect(secured.peerID == serverKey.peerID)
        #expect(secured.muxer == "/yamux/1.0.0")
        #expect(try await echoed.futureResult.get() == count)
        try await client.close()
        try await server.close()
    }
}

private final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        context.writeAndFlush(data, promise: nil)
    }
}

private final class Counter: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let expected: Int
    private let promise: EventLoopPromise<Int>
    private var count = 0

    init(expected: Int, promise: EventLoopPromise<Int>) {
        self.expected = expected
        self.promise = promise
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.count += self.unwrapInboundIn(data).readableBytes
        if self.count >= self.expected { self.promise.succeed(self.count) }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.promise.fail(ChannelError.eof)
    }
}
