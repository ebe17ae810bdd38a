import LibP2PCore
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PUpgrades

@Suite struct ChannelNegotiatorTests {
    static let header = MultistreamMachineTests.header

    private let loop = EmbeddedEventLoop()

    private func channel() throws -> EmbeddedChannel {
        let channel = EmbeddedChannel(loop: self.loop)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 4001)).wait()
        return channel
    }

    @Test func bothSidesAgreeAndOnlyWhatFollowsIsHandedOn() throws {
        let dialer = try self.channel()
        let listener = try self.channel()
        let accepted = ResultBox(ChannelNegotiator().inbound(listener, supported: ["/noise"]))
        let dialled = ResultBox(ChannelNegotiator().outbound(dialer, protocols: ["/tls/1.0.0", "/noise"]))

        for _ in 0..<4 {
            while let bytes = try dialer.readOutbound(as: ByteBuffer.self) { try listener.writeInbound(bytes) }
            while let bytes = try listener.readOutbound(as: ByteBuffer.self) { try dialer.writeInbound(bytes) }
        }
        try listener.writeInbound(ByteBuffer(string: "plain"))

        #expect(try accepted.result?.get() == "/noise")
        #expect(try dialled.result?.get() == "/noise")
        #expect(try listener.readInbound(as: ByteBuffer.self).map { String(buffer: $0) } == "plain")
        #expect(throws: ChannelPipelineError.self) {
            _ = try listener.pipeline.syncOperations.handler(type: MultistreamHandler.self)
        }
    }

    @Test func handlersAddedInTheCallbackGetWhatCameBehindTheAgreement() throws {
        let listener = try self.channel()
        let collector = Collector()
        ChannelNegotiator().inbound(listener, supported: ["/a"]).assumeIsolated().whenSuccess { _ in
            try? listener.pipeline.syncOperations.addHandler(collector)
        }

        try listener.writeInbound(ByteBuffer(string: Self.header + "\u{03}/a\nfirst"))
        try listener.writeInbound(ByteBuffer(string: " second"))

        #expect(collector.text == "first second")
    }

    @Test func aLazyProposalTravelsWithWhatIsWrittenBehindIt() throws {
        let dialer = try self.channel()
        let collector = Collector()
        let confirmation = ResultBox(ChannelNegotiator().outboundLazy(dialer, protocol: "/a"))
        try dialer.pipeline.syncOperations.addHandler(collector)
        #expect(try dialer.readOutbound(as: ByteBuffer.self) == nil)

        dialer.writeAndFlush(ByteBuffer(string: "hello"), promise: nil)

        #expect(try dialer.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == Self.header + "\u{03}/a\n")
        #expect(try dialer.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == "hello")
        #expect(confirmation.result == nil)
        try dialer.writeInbound(ByteBuffer(string: Self.header + "\u{03}/a\nworld"))
        #expect(try confirmation.result?.get() != nil)
        #expect(collector.text == "world")
    }

    @Test func aLazyProposalLeavesInTheNextTurnWhenNothingElseIsWritten() throws {
        let dialer = try self.channel()
        _ = ChannelNegotiator().outboundLazy(dialer, protocol: "/a")

        self.loop.run()

        #expect(try dialer.readOutbound(as: ByteBuffer.self).map { String(buffer: $0) } == Self.header + "\u{03}/a\n")
    }

    @Test(arguments: ["\u{03}na\n", "\u{02}no", "\u{03}/b\n"])
    func aLazyProposalThatIsNotConfirmedClosesTheChannel(_ answer: String) throws {
        let dialer = try self.channel()
        let confirmation = ResultBox(ChannelNegotiator().outboundLazy(dialer, protocol: "/a"))
        self.loop.run()

        #expect(throws: MultistreamError.self) { try dialer.writeInbound(ByteBuffer(string: Self.header + answer)) }
        self.loop.run()

        #expect(throws: TransportError.self) { try confirmation.result?.get() }
        #expect(!dialer.isActive)
    }

    @Test func theEndOfTheChannelEndsTheNegotiation() throws {
        let listener = try self.channel()
        let accepted = ResultBox(ChannelNegotiator().inbound(listener, supported: ["/a"]))

        try listener.writeInbound(ByteBuffer(string: Self.header))
        listener.close(promise: nil)
        self.loop.run()

        #expect(throws: TransportError.self) { _ = try accepted.result?.get() }
    }
}

/// Where a future's result goes, for loops that are run by hand.
final class ResultBox<Value: Sendable> {
    var result: Result<Value, any Error>?

    init() {}

    init(_ future: EventLoopFuture<Value>) {
        future.assumeIsolated().whenComplete { self.result = $0 }
    }
}

/// Takes what reaches the end of the pipeline.
final class Collector: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var received = ByteBuffer()
    var reads = 0
    var errors: [any Error] = []
    var isInactive = false
    var text: String { String(buffer: self.received) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.reads += 1
        self.received.writeImmutableBuffer(Self.unwrapInboundIn(data))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.errors.append(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isInactive = true
    }
}
