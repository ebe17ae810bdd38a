import LibP2PCore
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PUpgrades

@Suite struct YamuxConnectionTests {
    @Test func bytesGoBothWaysAndBothDirectionsEndInOrder() throws {
        let pair = try YamuxPair()
        let (stream, recorder) = try pair.dialer.open()
        stream.write(ByteBuffer(string: "hello"), promise: nil)
        try pair.settle()

        let remote = try #require(pair.listener.recorder.accepted.first)
        let remoteRecorder = try #require(pair.listener.recorder.recorders.first)
        #expect(remoteRecorder.text == "hello")
        #expect(remote.id == stream.id && remote.direction == .inbound)

        stream.closeWrite()
        try pair.settle()
        #expect(remoteRecorder.remoteClosedWrite == 1)
        #expect(remoteRecorder.closed.isEmpty)

        remote.write(ByteBuffer(string: "world"), promise: nil)
        remote.closeWrite()
        try pair.settle()
        #expect(recorder.text == "world")
        #expect(recorder.remoteClosedWrite == 1)
        #expect(recorder.closed == [.finished])
        #expect(remoteRecorder.closed == [.finished])
        #expect(pair.dialer.connection.streamCount == 0 && pair.listener.connection.streamCount == 0)
    }

    @Test func theFirstDataCarriesSYNAndTheFirstAnswerACK() throws {
        let pair = try YamuxPair()
        try pair.settle()
        let (stream, _) = try pair.dialer.open()
        stream.write(ByteBuffer(string: "a"), promise: nil)
        let there = try pair.dialer.takeFrames()
        #expect(there == [.data(1, WireFrame.syn, "a")])

        pair.listener.recorder.onAccept = { $0.write(ByteBuffer(string: "b"), promise: nil) }
        try pair.listener.receive(there)
        #expect(try pair.listener.takeFrames() == [.data(1, WireFrame.ack, "b")])
    }

    @Test func aSilentStreamIsOpenedAndAcceptedWithWindowUpdates() throws {
        let pair = try YamuxPair()
        try pair.settle()
        _ = try pair.dialer.open()
        let there = try pair.dialer.takeFrames()
        #expect(there == [.window(1, WireFrame.syn)])

        try pair.listener.receive(there)
        #expect(try pair.listener.takeFrames() == [.window(1, WireFrame.ack)])
    }

    @Test func aResetEndsBothSidesWithItsCode() throws {
        let pair = try YamuxPair()
        let (stream, recorder) = try pair.dialer.open()
        try pair.settle()
        stream.reset(.protocolNegotiationFailed)
        #expect(recorder.closed.isEmpty)
        try pair.settle()

        #expect(recorder.closed == [.resetLocally(.protocolNegotiationFailed)])
        #expect(pair.listener.recorder.recorders[0].closed == [.resetByPeer(.protocolNegotiationFailed)])
    }

    @Test func moreThanTheWindowFlowsAsCreditIsReturned() throws {
        let pair = try YamuxPair()
        var bytes = ByteBuffer()
        for _ in 0..<9 { bytes.writeImmutableBuffer(YamuxPattern.bytes) }
        let (stream, _) = try pair.dialer.open()
        let promise = pair.loop.makePromise(of: Void.self)
        stream.write(bytes, promise: promise)
        stream.closeWrite()
        try pair.settle()

        let remote = pair.listener.recorder.recorders[0]
        #expect(remote.received == bytes)
        #expect(remote.remoteClosedWrite == 1)
        try promise.futureResult.wait()
    }

    @Test func withoutCreditTheSenderStopsAtTheWindow() throws {
        let pair = try YamuxPair()
        pair.listener.recorder.returnsCredit = false
        let (stream, _) = try pair.dialer.open()
        stream.write(ByteBuffer(repeating: 1, count: 300_000), promise: nil)
        try pair.settle()

        #expect(pair.listener.recorder.recorders[0].receivedBytes == 262_144)
        #expect(stream.pendingWriteBytes == 300_000 - 262_144)
    }

    @Test func closingSaysGoodbyeAndEndsEverything() throws {
        let pair = try YamuxPair()
        let (_, recorder) = try pair.dialer.open()
        try pair.settle()
        let future = pair.dialer.connection.close(.shutdown)
        #expect(pair.dialer.recorder.closed.isEmpty)
        let frames = try pair.dialer.takeFrames()
        #expect(frames.last == .goAway(ConnectionErrorCode.shutdown.rawValue))
        try future.wait()

        #expect(recorder.closed == [.connectionClosed])
        #expect(pair.dialer.recorder.closed == [.closedLocally(.shutdown)])
        try pair.listener.receive(frames)
        try pair.listener.channel.close().wait()
        #expect(pair.listener.recorder.recorders[0].closed == [.connectionClosed])
        #expect(pair.listener.recorder.closed == [.closedByPeer(.shutdown)])
    }
}
