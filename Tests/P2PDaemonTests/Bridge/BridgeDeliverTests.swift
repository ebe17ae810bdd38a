import Glibc
import LibP2PCore
import LocalIPC
import NIOCore
import NIOPosix
import P2PDaemon
import Testing

@Suite(.timeLimit(.minutes(1))) struct BridgeDeliverTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()
    private let path = "/tmp/bridge-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock"

    private func makeStream() throws -> (Stream, FakeMuxedStream) {
        let muxed = FakeMuxedStream(eventLoop: self.loop)
        let connection = try FakeConnection(eventLoop: self.loop)
        return (Stream(protocolID: "/t/1", connection: connection, muxed: muxed, isNegotiating: false), muxed)
    }

    private func deliver(_ stream: Stream, to endpoint: LocalEndpoint) async throws {
        try await self.loop.flatSubmit {
            Bridge().deliver(stream, to: endpoint, prologue: ByteBuffer(string: "prologue "), requiredOwner: getuid())
        }.get()
    }

    @Test(arguments: [false, true]) func aHandlerReadsThePrologueAndThenTheStream(overTCP: Bool) async throws {
        let endpoint = overTCP ? LocalEndpoint.tcp(host: "127.0.0.1", port: 0) : .unix(path: self.path)
        let listener = try LocalListener(endpoint)
        defer { listener.close() }
        let collector = Collector(loop: self.loop)
        try await listener.start(on: self.loop, children: self.loop) { channel, _ in
            // An error would show as a collector that never completes.
            try? channel.pipeline.syncOperations.addHandler(collector)
            try? channel.syncOptions?.setOption(.autoRead, value: true)
        }.get()
        let (stream, muxed) = try self.makeStream()
        try await self.loop.submit { muxed.receive("held") }.get()

        try await self.deliver(stream, to: listener.endpoint)
        try await self.loop.submit {
            muxed.receive(" more")
            muxed.remoteEnds()
        }.get()

        #expect(try await collector.all.futureResult.get() == "prologue held more")
        try await self.loop.submit { muxed.end(.connectionClosed) }.get()
    }

    @Test func aHandlerThatIsGoneLeavesTheStreamUntouched() async throws {
        let (stream, muxed) = try self.makeStream()

        await #expect(throws: LocalIPCError.notListening(.unix(path: self.path))) {
            try await self.deliver(stream, to: .unix(path: self.path))
        }

        try await self.loop.submit {
            #expect(muxed.delegate == nil)
            #expect(muxed.resetCode == nil)
            #expect(!muxed.isWriteClosed)
        }.get()
    }

    @Test func aHandlerThatAnswersAndClosesEndsTheStreamInOrder() async throws {
        let listener = try LocalListener(.unix(path: self.path))
        defer { listener.close() }
        try await listener.start(on: self.loop, children: self.loop) { channel, _ in
            channel.eventLoop.execute {
                channel.writeAndFlush(ByteBuffer(string: "answer")).whenComplete { _ in
                    channel.close(mode: .output, promise: nil)
                }
            }
        }.get()
        let (stream, muxed) = try self.makeStream()
        let done = self.loop.makePromise(of: String.self)
        try await self.loop.submit {
            muxed.onChange = { if muxed.isWriteClosed { done.succeed(String(buffer: muxed.written)) } }
        }.get()

        try await self.deliver(stream, to: .unix(path: self.path))

        #expect(try await done.futureResult.get() == "answer")
        try await self.loop.submit { muxed.end(.connectionClosed) }.get()
    }
}

/// Reads to the end of file.
private final class Collector: ChannelInboundHandler, @unchecked Sendable {
    // Unchecked: used on one event loop.

    typealias InboundIn = ByteBuffer

    let all: EventLoopPromise<String>
    private var text = ""

    init(loop: any EventLoop) {
        self.all = loop.makePromise()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.text += String(buffer: self.unwrapInboundIn(data))
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            self.all.succeed(self.text)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.all.succeed(self.text)
    }
}
