import LibP2PCore
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PUpgrades

/// What `MuxedStream` and `MuxedConnection` promise to those above.
@Suite struct YamuxContractTests {
    private func makeEnd(
        _ direction: Direction = .inbound,
        _ change: (inout YamuxConfiguration) -> Void = { _ in }
    ) throws -> YamuxEnd {
        var configuration = YamuxConfiguration()
        change(&configuration)
        let end = try YamuxEnd(direction, loop: EmbeddedEventLoop(), configuration: configuration)
        _ = try end.takeOutbound()
        return end
    }

    // MARK: Delegates

    @Test func whatComesBeforeADelegateIsDeliveredInOrderFromWithinTheAssignment() throws {
        let end = try self.makeEnd()
        end.recorder.setsDelegates = false
        let big = [UInt8](repeating: 7, count: 3000)
        try end.receive(.data(1, WireFrame.syn, "ab"), .data(1, 0, "c"), .data(1, 0, big), .data(1, WireFrame.fin, "d"))
        let stream = end.recorder.accepted[0]
        let recorder = StreamRecorder(stream)
        stream.delegate = recorder
        #expect(Array(recorder.received.readableBytesView) == Array("abc".utf8) + big + Array("d".utf8))
        #expect(recorder.remoteClosedWrite == 1 && recorder.closed.isEmpty)
    }

    @Test func aResetIsDeliveredAfterTheDataThatCameBeforeIt() throws {
        let end = try self.makeEnd()
        end.recorder.setsDelegates = false
        try end.receive(.data(1, WireFrame.syn, "ab"), .window(1, WireFrame.rst, 0x1007))
        let stream = end.recorder.accepted[0]
        let recorder = StreamRecorder(stream)
        stream.delegate = recorder
        #expect(recorder.text == "ab")
        #expect(recorder.closed == [.resetByPeer(.shutdown)])
        #expect(end.recorder.ended == [1])
    }

    @Test func aNegotiatorMayPutBytesBackAndHandTheStreamOn() throws {
        let end = try self.makeEnd()
        end.recorder.setsDelegates = false
        try end.receive(.data(1, WireFrame.syn, "head+bo"), .data(1, WireFrame.fin, "dy"))
        let stream = end.recorder.accepted[0]
        let negotiator = StreamRecorder(stream, returnsCredit: false)
        let application = StreamRecorder(stream)
        negotiator.onReceive = { data in
            var rest = data
            let head = rest.readString(length: 5)
            #expect(head == "head+")
            stream.returnCredit(5)
            stream.delegate = nil
            stream.unread(rest)
            stream.delegate = application
        }
        stream.delegate = negotiator
        #expect(application.text == "body")
        #expect(application.remoteClosedWrite == 1 && negotiator.remoteClosedWrite == 0)
    }

    @Test func aLocalResetIsToldLaterAndOnce() throws {
        let end = try self.makeEnd()
        try end.receive(.data(1, WireFrame.syn, "ab"))
        let recorder = end.recorder.recorders[0]
        end.recorder.accepted[0].reset(.garbageCollected)
        end.recorder.accepted[0].reset(.noError)
        #expect(recorder.closed.isEmpty && end.connection.streamCount == 0)
        end.loop.run()
        #expect(recorder.closed == [.resetLocally(.garbageCollected)])
        #expect(end.recorder.ended == [1])
        #expect(try end.takeFrames().filter { $0.flags == WireFrame.rst } == [.window(1, WireFrame.rst, 0x1006)])
    }

    @Test func aStreamThatThePeerNeverSawIsForgottenSilently() throws {
        let end = try self.makeEnd(.outbound)
        let (stream, recorder) = try end.open()
        let promise = end.loop.makePromise(of: Void.self)
        stream.write(ByteBuffer(string: "x"), promise: promise)
        stream.reset(.noError)
        #expect(try end.takeFrames().isEmpty)
        #expect(recorder.closed == [.resetLocally(.noError)])
        #expect(throws: MuxerError.streamClosed) { try promise.futureResult.wait() }
    }

    @Test func nothingIsReadBeforeTheConnectionHasADelegate() throws {
        let loop = EmbeddedEventLoop()
        let end = try YamuxEnd(.inbound, loop: loop, setsDelegate: false)
        try end.receive(.data(1, WireFrame.syn, "x"), .ping(1, 5))
        #expect(end.connection.streamCount == 0)
        #expect(end.handler.heldInbound.readableBytes == 25)
        end.connection.delegate = end.recorder
        loop.run()
        #expect(end.recorder.recorders[0].text == "x")
        #expect(try end.takeFrames().contains(.ping(2, 5)))
    }

    // MARK: Writing

    @Test func writabilityFollowsTheWaterMarks() throws {
        let end = try self.makeEnd(.outbound) {
            $0.writeHighWaterBytes = 1000
            $0.writeLowWaterBytes = 500
        }
        let (stream, recorder) = try end.open()
        stream.write(ByteBuffer(repeating: 0, count: 262_144), promise: nil)
        end.loop.run()
        // It was unwritable for a moment: who saw that is told that it is over.
        #expect(stream.isWritable && recorder.writability == [true])
        recorder.writability = []
        stream.write(ByteBuffer(repeating: 0, count: 1000), promise: nil)
        #expect(stream.isWritable)
        stream.write(ByteBuffer(repeating: 0, count: 1), promise: nil)
        #expect(!stream.isWritable && recorder.writability.isEmpty)
        end.loop.run()
        #expect(recorder.writability == [false])
        try end.receive(.window(1, WireFrame.ack, 500))
        #expect(!stream.isWritable)
        try end.receive(.window(1, 0, 1))
        #expect(stream.isWritable && recorder.writability == [false, true])
        #expect(stream.pendingWriteBytes == 500)
    }

    @Test func aPromiseSucceedsWhenItsBytesHaveLeftAndNotBefore() throws {
        let end = try self.makeEnd(.outbound)
        let (stream, _) = try end.open()
        let done = Log()
        for (index, size) in [262_000, 0, 100, 44, 10].enumerated() {
            let promise = end.loop.makePromise(of: Void.self)
            promise.futureResult.whenSuccess { done.entries.append(index) }
            stream.write(ByteBuffer(repeating: 0, count: size), promise: promise)
        }
        _ = try end.takeOutbound()
        #expect(done.entries == [0, 1, 2, 3])
        try end.receive(.window(1, WireFrame.ack, 10))
        _ = try end.takeOutbound()
        #expect(done.entries == [0, 1, 2, 3, 4])
    }

    @Test func writesOfOneTurnShareAFrame() throws {
        let end = try self.makeEnd(.outbound)
        let (stream, _) = try end.open()
        for text in ["a", "bc", "", "def"] { stream.write(ByteBuffer(string: text), promise: nil) }
        stream.closeWrite()
        #expect(try end.takeFrames() == [.data(1, WireFrame.syn, "abcdef"), .window(1, WireFrame.fin)])
    }

    @Test func framesFitTheLargestNoiseMessage() throws {
        let end = try self.makeEnd(.outbound)
        let (stream, _) = try end.open()
        stream.write(ByteBuffer(repeating: 0, count: 200_000), promise: nil)
        #expect(try end.takeFrames().map(\.length) == [65_507, 65_507, 65_507, 3479])
    }

    @Test func roomInFrontOfABodyTakesItsHeader() throws {
        let end = try self.makeEnd(.outbound)
        let (stream, _) = try end.open()
        var data = ByteBuffer(repeating: 9, count: 20 + 5000)
        data.moveReaderIndex(forwardBy: 20)
        stream.write(data, promise: nil)
        end.loop.run()
        let buffer = try #require(try end.channel.readOutbound(as: ByteBuffer.self))
        #expect(buffer.readableBytes == 5012)
        #expect(WireFrame.parse(buffer) == [.data(1, WireFrame.syn, [UInt8](repeating: 9, count: 5000))])
        #expect(try end.channel.readOutbound(as: ByteBuffer.self) == nil)
    }

    @Test func afterCloseWriteNothingCanBeWritten() throws {
        let end = try self.makeEnd(.outbound)
        let (stream, _) = try end.open()
        stream.closeWrite()
        let promise = end.loop.makePromise(of: Void.self)
        stream.write(ByteBuffer(string: "x"), promise: promise)
        #expect(throws: MuxerError.streamClosed) { try promise.futureResult.wait() }
        #expect(try end.takeFrames() == [.window(1, WireFrame.syn | WireFrame.fin)])
    }

    @Test func anUnwritableChannelHoldsStreamsAndThenServesThemInTurn() throws {
        let end = try self.makeEnd(.outbound)
        let streams = try (0..<4).map { _ in try end.open().0 }
        end.channel.isWritable = false
        for stream in streams { stream.write(ByteBuffer(repeating: 0, count: 150_000), promise: nil) }
        #expect(try end.takeFrames().isEmpty)
        end.channel.isWritable = true
        end.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try end.takeFrames().map(\.id) == [1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7])
    }

    @Test func windowUpdatesWaitingForTheChannelAreOne() throws {
        let end = try self.makeEnd()
        try end.receive(.window(1, WireFrame.syn))
        _ = try end.takeOutbound()
        end.channel.isWritable = false
        for _ in 0..<3 { try end.receive(.data(1, 0, [UInt8](repeating: 0, count: 80_000))) }
        end.channel.isWritable = true
        end.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try end.takeFrames() == [.window(1, 0, 240_000)])
    }

    // MARK: Opening

    @Test func at256UnacknowledgedStreamsOpeningIsRefused() throws {
        let end = try self.makeEnd(.outbound)
        for _ in 0..<256 { _ = try end.open() }
        #expect(throws: MuxerError.ackBacklogFull) { try end.connection.openStream() }
        _ = try end.takeOutbound()
        try end.receive(.window(5, WireFrame.ack), .window(5, WireFrame.ack))
        _ = try end.open()
        #expect(throws: MuxerError.ackBacklogFull) { try end.connection.openStream() }
        try end.receive(.window(9, WireFrame.rst))
        _ = try end.open()
        #expect(throws: MuxerError.ackBacklogFull) { try end.connection.openStream() }
    }

    // MARK: The end

    @Test func afterThePeersGoAwayStreamsGoOnAndNoneIsOpened() throws {
        let end = try self.makeEnd(.outbound)
        let (stream, recorder) = try end.open()
        _ = try end.takeOutbound()
        try end.receive(.goAway(0x1006), .data(1, WireFrame.ack, "still here"))
        #expect(throws: MuxerError.connectionClosed) { try end.connection.openStream() }
        #expect(recorder.text == "still here" && end.recorder.closed.isEmpty)
        stream.closeWrite()
        try end.receive(.window(1, WireFrame.fin))
        end.loop.run()
        #expect(recorder.closed == [.finished])
        #expect(end.recorder.closed == [.closedByPeer(.shutdown)])
    }

    @Test func aLostSocketEndsStreamsFirstAndTheConnectionLast() throws {
        let end = try self.makeEnd()
        try end.receive(.data(1, WireFrame.syn, "x"), .window(3, WireFrame.syn))
        let promise = end.loop.makePromise(of: Void.self)
        end.channel.isWritable = false
        end.recorder.accepted[0].write(ByteBuffer(string: "y"), promise: promise)
        end.channel.close(promise: nil)
        end.loop.run()
        #expect(end.recorder.recorders.map(\.closed) == [[.connectionClosed], [.connectionClosed]])
        #expect(end.recorder.ended.sorted() == [1, 3])
        guard case .transportFailed? = end.recorder.closed.first else {
            Issue.record("\(end.recorder.closed)")
            return
        }
        #expect(throws: MuxerError.streamClosed) { try promise.futureResult.wait() }
        #expect(throws: MuxerError.connectionClosed) { try end.connection.openStream() }
        try end.connection.close(.noError).wait()
    }

    @Test func closingTakesASecondAtMost() throws {
        let end = try self.makeEnd()
        let stuck = StuckChannel()
        try end.channel.pipeline.syncOperations.addHandler(stuck, position: .first)
        let closed = Log()
        end.connection.close(.noError).whenSuccess { closed.entries.append(1) }
        end.loop.run()
        #expect(stuck.writes == 1 && closed.entries.isEmpty)
        end.loop.advanceTime(by: .milliseconds(999))
        #expect(closed.entries.isEmpty)
        end.loop.advanceTime(by: .milliseconds(1))
        #expect(closed.entries == [1] && !end.channel.isActive)
    }

    @Test func aSilentPeerIsLost() throws {
        let end = try YamuxEnd(.outbound, loop: EmbeddedEventLoop())
        #expect(try end.takeFrames() == [.ping(WireFrame.syn, 0)])
        end.loop.advanceTime(by: .seconds(3))
        try end.receive(.ping(WireFrame.ack, 0))
        #expect(end.connection.roundTripTime == .seconds(3))
        end.loop.advanceTime(by: .seconds(30))
        #expect(try end.takeFrames() == [.ping(WireFrame.syn, 1)])
        end.loop.advanceTime(by: .seconds(9))
        #expect(end.recorder.closed.isEmpty)
        end.loop.advanceTime(by: .seconds(1))
        guard case .transportFailed? = end.recorder.closed.first else {
            Issue.record("\(end.recorder.closed)")
            return
        }
    }

    @Test func nothingIsKeptAliveAfterTheEnd() throws {
        weak var handler: YamuxHandler?
        weak var stream: YamuxStream?
        do {
            let end = try self.makeEnd(.outbound)
            let (opened, _) = try end.open()
            opened.write(ByteBuffer(repeating: 0, count: 1_000_000), promise: nil)
            handler = end.handler
            stream = opened as? YamuxStream
            _ = try end.takeOutbound()
            #expect(handler != nil && stream != nil)
            _ = end.connection.close(.noError)
            end.loop.run()
            _ = try? end.channel.finish(acceptAlreadyClosed: true)
        }
        #expect(handler == nil && stream == nil)
    }
}

/// What happened, in order. Used on one embedded loop only.
private final class Log: @unchecked Sendable {
    var entries: [Int] = []
}

/// A channel that takes bytes and closes only by force from its very head.
private final class StuckChannel: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var writes = 0

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        // The promise is never kept: the bytes do not leave.
        self.writes += 1
        self.promises.append(promise)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        self.promises.append(promise)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        for promise in self.promises { promise?.fail(ChannelError.ioOnClosedChannel) }
    }

    private var promises: [EventLoopPromise<Void>?] = []
}
