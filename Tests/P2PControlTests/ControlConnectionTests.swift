import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import SwiftProtobuf
import Testing

@testable import P2PControl

/// A control connection's order, limits and end.
@Suite struct ControlConnectionTests {
    @Test func pipelinedRequestsAreAnsweredInOrder() throws {
        let harness = try ControlHarness()
        let client = try harness.client()
        var bytes = try HarnessClient.request { $0.type = .identify }
        bytes.writeImmutableBuffer(try HarnessClient.request { $0.type = .dht })
        bytes.writeImmutableBuffer(try HarnessClient.request { $0.type = .listPeers })

        try client.send(bytes)

        #expect(try client.answer().hasIdentify)
        #expect(try client.answer().error.msg == "DHT not enabled")
        #expect(try client.answer().type == .ok)
        #expect(client.isOpen)
    }

    @Test func requestsMayComeByteByByte() throws {
        let client = try ControlHarness().client()

        for byte in try HarnessClient.request({ $0.type = .identify }).readableBytesView {
            try client.send([byte])
        }

        #expect(try client.answer().hasIdentify)
    }

    @Test func moreRequestsThanFitATurnAreAllAnswered() throws {
        let client = try ControlHarness().client()
        let one = try HarnessClient.request { $0.type = .listPeers }
        var bytes = ByteBuffer()
        for _ in 0..<1000 {
            bytes.writeImmutableBuffer(one)
        }

        try client.send(bytes)

        var count = 0
        while try client.next(ProtoResponse.self) != nil { count += 1 }
        #expect(count == 1000)
    }

    @Test func aSlowRequestHoldsBackLaterOnesAndReading() throws {
        let harness = try ControlHarness()
        let client = try harness.client()
        harness.network.isHolding = true

        try client.send {
            $0.type = .connect
            $0.connect.peer = .copying(harness.network.localPeer.bytes)
        }
        let reads = client.reads.count
        try client.send { $0.type = .identify }

        #expect(try client.next(ProtoResponse.self) == nil)
        #expect(client.reads.count == reads)
        #expect(try harness.client().ask { $0.type = .identify }.hasIdentify)
        harness.network.release()
        #expect(try client.answer().type == .error)
        #expect(try client.answer().hasIdentify)
        #expect(client.reads.count > reads)
    }

    @Test func aRequestTheNetworkForgetsIsAnsweredAtItsDeadline() throws {
        let harness = try ControlHarness()
        let client = try harness.client()
        harness.network.isHolding = true
        try client.send {
            $0.type = .connect
            $0.connect.peer = .copying(harness.network.localPeer.bytes)
            $0.connect.timeout = 10
        }

        harness.loop.advanceTime(by: .seconds(14))
        #expect(try client.next(ProtoResponse.self) == nil)
        harness.loop.advanceTime(by: .seconds(1))

        #expect(try client.answer().error.msg == "context deadline exceeded")
        harness.network.release()
        harness.loop.run()
        #expect(try client.next(ProtoResponse.self) == nil)
        #expect(try client.ask { $0.type = .identify }.hasIdentify)
    }

    @Test(
        arguments: [
            [0], [2, 0x08, 0x63], [1, 0x08], [2, 0x0a, 0x05], [3, 0x12, 0x01, 0x00],
        ] as [[UInt8]]
    )
    func whatIsNoRequestIsToldSoAndEndsTheConnection(_ bytes: [UInt8]) throws {
        let client = try ControlHarness().client()

        try client.send(bytes)

        #expect(try client.answer().error.msg.hasPrefix("Malformed request; "))
        client.shutDownWrite()
        #expect(!client.isOpen)
    }

    @Test func aClientThatStaysAfterAMalformedRequestIsClosed() throws {
        let harness = try ControlHarness()
        let client = try harness.client()

        try client.send([0])
        try client.send { $0.type = .identify }
        harness.loop.advanceTime(by: .seconds(1))

        #expect(try client.answer().type == .error)
        #expect(try client.next(ProtoResponse.self) == nil)
        #expect(!client.isOpen)
    }

    @Test func aMessageLongerThanTheLimitEndsTheConnectionUnanswered() throws {
        let harness = try ControlHarness { $0.maximumMessageBytes = 100 }
        let client = try harness.client()

        try client.send([101])
        harness.loop.advanceTime(by: .seconds(1))

        #expect(try client.next(ProtoResponse.self) == nil)
        #expect(!client.isOpen)
    }

    @Test func aMessageOfExactlyTheLimitIsServed() throws {
        let harness = try ControlHarness { $0.maximumMessageBytes = 100 }
        let client = try harness.client()

        // An unknown field of 96 bytes fills the request up.
        try client.send([100, 0x08, 0x00, 0xa2, 0x06, 95] + [UInt8](repeating: 0, count: 95))

        #expect(try client.answer().hasIdentify)
    }

    @Test func aRequestWithCountlessFieldsIsNotDecoded() throws {
        let client = try ControlHarness().client()
        let inner = [[UInt8]](repeating: [0x12, 0x00], count: 3000).flatMap(\.self)
        var message = ByteBuffer(bytes: [0x08, 0x01])
        ProtobufWire.writeFieldHead(2, length: inner.count, to: &message)
        message.writeBytes(inner)
        var frame = ByteBuffer()
        FrameEncoder.writeLength(message.readableBytes, to: &frame)
        frame.writeImmutableBuffer(message)

        try client.send(frame)

        #expect(try client.answer().error.msg == "Malformed request; request with too many fields")
    }

    @Test func requestsBeforeTheEndOfTheClientsDirectionAreAnswered() throws {
        let harness = try ControlHarness()
        let client = try harness.client()
        harness.network.isHolding = true
        try client.send {
            $0.type = .connect
            $0.connect.peer = .copying(harness.network.localPeer.bytes)
        }

        client.shutDownWrite()
        #expect(client.isOpen)
        harness.network.release()
        harness.loop.run()

        #expect(try client.answer().type == .error)
        #expect(!client.isOpen)
        #expect(harness.server.connectionCount == 0)
    }

    @Test func idleConnectionsAreKept() throws {
        let harness = try ControlHarness()
        let client = try harness.client()

        harness.loop.advanceTime(by: .hours(48))

        #expect(try client.ask { $0.type = .identify }.hasIdentify)
    }

    @Test func aClientThatDoesNotReadIsServedUpToABoundAndThenClosed() throws {
        let harness = try ControlHarness()
        let client = try harness.client()
        client.channel.isWritable = false

        try client.send { $0.type = .identify }

        #expect(try client.next(ProtoResponse.self) == nil)
        harness.loop.advanceTime(by: .seconds(59))
        #expect(client.isOpen)
        harness.loop.advanceTime(by: .seconds(1))
        #expect(!client.isOpen)
    }

    @Test func aClientThatReadsAgainIsServedAgain() throws {
        let harness = try ControlHarness()
        let client = try harness.client()
        client.channel.isWritable = false
        try client.send { $0.type = .identify }
        harness.loop.advanceTime(by: .seconds(59))

        client.channel.isWritable = true
        client.channel.pipeline.fireChannelWritabilityChanged()
        harness.loop.advanceTime(by: .seconds(60))

        #expect(client.isOpen)
        #expect(try client.answer().hasIdentify)
    }

    @Test func moreConnectionsThanTheLimitAreClosed() throws {
        let harness = try ControlHarness { $0.maximumConnections = 2 }
        let first = try harness.client()
        let second = try harness.client()
        let third = try harness.client()

        #expect(first.isOpen && second.isOpen)
        #expect(third.isRefused)
        first.close()
        #expect(try harness.client().ask { $0.type = .identify }.hasIdentify)
    }

    @Test func shutdownClosesEveryClient() throws {
        let harness = try ControlHarness()
        let plain = try harness.client()
        let persistent = try harness.persistentClient()

        harness.server.shutdown()
        harness.loop.run()

        #expect(!plain.isOpen && !persistent.isOpen)
        #expect(harness.server.connectionCount == 0)
        #expect(harness.persistentCounts.all == [1, 0])
    }
}
