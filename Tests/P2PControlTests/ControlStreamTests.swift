import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import SwiftProtobuf
import Testing

@testable import P2PControl

/// Connections that become streams.
@Suite struct ControlStreamTests {
    private struct Pair {
        let one: ControlHarness
        let other: ControlHarness
        let remoteStreams = Streams()
    }

    private final class Streams: @unchecked Sendable {
        // Unchecked: used on one event loop, which a test drives from one thread.
        var all: [Stream] = []
    }

    private static func pair() throws -> Pair {
        let one = try ControlHarness(1)
        let pair = Pair(one: one, other: try ControlHarness(2, loop: one.loop))
        MemoryNetwork.introduce(pair.one.network, pair.other.network)
        let streams = pair.remoteStreams
        pair.other.network.setHandler(for: "/echo") { streams.all.append($0) }
        return pair
    }

    private static func open(_ peer: ControlHarness, _ protocols: [String]) throws -> ByteBuffer {
        try HarnessClient.request {
            $0.type = .streamOpen
            $0.streamOpen.peer = .copying(peer.network.localPeer.bytes)
            $0.streamOpen.proto = protocols
        }
    }

    @Test func anOpenedStreamIsToldAndJoined() throws {
        let pair = try Self.pair()
        let client = try pair.one.client()

        try client.send(Self.open(pair.other, ["/nope", "/echo"]))

        let info = try client.answer().streamInfo
        #expect([UInt8](info.peer) == pair.other.network.localPeer.bytes)
        #expect([UInt8](info.addr) == pair.other.network.address.bytes)
        #expect(info.proto == "/echo")
        let joined = try #require(pair.one.bridge.joined.first)
        #expect(joined.early.readableBytes == 0 && !joined.inputClosed)
        #expect(joined.stream.protocolID == "/echo")
        #expect(throws: (any Error).self, "the bridge finds its pipeline empty") {
            _ = try client.channel.pipeline.syncOperations.handler(type: ControlConnection.self)
        }
        #expect(pair.one.server.connectionCount == 0)
    }

    @Test func bytesInTheSameSegmentAsTheRequestBelongToTheStream() throws {
        let pair = try Self.pair()
        let client = try pair.one.client()
        var bytes = try Self.open(pair.other, ["/echo"])
        bytes.writeString("early")

        try client.send(bytes)

        #expect(pair.one.bridge.joined.first?.early == ByteBuffer(string: "early"))
    }

    @Test func bytesAndAnEndThatComeWhileTheStreamOpensBelongToTheStream() throws {
        let pair = try Self.pair()
        let client = try pair.one.client()
        pair.one.network.isHolding = true

        try client.send(Self.open(pair.other, ["/echo"]))
        try client.send(Array("while ".utf8))
        try client.send(Array("opening".utf8))
        client.shutDownWrite()
        pair.one.network.release()

        let joined = try #require(pair.one.bridge.joined.first)
        #expect(joined.early == ByteBuffer(string: "while opening"))
        #expect(joined.inputClosed)
        #expect(client.isOpen)
    }

    @Test func requestsBeforeTheStreamAreAnsweredFirst() throws {
        let pair = try Self.pair()
        let client = try pair.one.client()
        var bytes = try HarnessClient.request { $0.type = .identify }
        bytes.writeImmutableBuffer(try Self.open(pair.other, ["/echo"]))
        bytes.writeImmutableBuffer(try HarnessClient.request { $0.type = .identify })

        try client.send(bytes)

        #expect(try client.answer().hasIdentify)
        #expect(try client.answer().hasStreamInfo)
        #expect(try client.next(ProtoResponse.self) == nil)
        #expect(try pair.one.bridge.joined.first?.early == HarnessClient.request { $0.type = .identify })
    }

    @Test func aStreamThatFailsLeavesTheConnectionUsable() throws {
        let pair = try Self.pair()
        let client = try pair.one.client()

        try client.send(Self.open(pair.other, ["/nope"]))
        #expect(
            try client.answer().error.msg == "failed to negotiate protocol: protocols not supported: [/nope]"
        )
        try client.send(Self.open(pair.other, []))
        #expect(try client.answer().error.msg == "failed to negotiate protocol: no protocols specified")
        try client.send(Self.open(pair.one, ["/echo"]))
        #expect(try client.answer().error.msg == "failed to dial: dial to self attempted")
        try client.send(Self.open(pair.other, ["/echo"]))
        #expect(try client.answer().hasStreamInfo)
    }

    @Test func protocolNamesThatCannotBeAreRefused() throws {
        let pair = try Self.pair()
        let client = try pair.one.client()

        for name in ["", "a\nb", String(repeating: "x", count: 1023)] {
            try client.send(Self.open(pair.other, [name]))
            #expect(try client.answer().error.msg.hasPrefix("invalid protocol name"))
        }
        try client.send(Self.open(pair.other, [String(repeating: "x", count: 1022)]))
        #expect(try client.answer().error.msg.hasPrefix("failed to negotiate"))
    }

    @Test func aStreamThatOpensForAClientThatWentIsReset() throws {
        let pair = try Self.pair()
        let client = try pair.one.client()
        pair.one.network.isHolding = true
        try client.send(Self.open(pair.other, ["/echo"]))

        client.close()
        pair.one.network.release()
        pair.one.loop.run()

        #expect(pair.one.bridge.joined.isEmpty)
        let remote = try #require(pair.remoteStreams.all.first)
        let recorder = StreamRecorder()
        remote.delegate = recorder
        #expect(recorder.closeReason == .resetByPeer(.noError))
    }
}
