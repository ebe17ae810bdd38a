import LibP2PCore
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PUpgrades

/// What a hostile peer can try; each test names the attack and what becomes of it.
@Suite struct YamuxAttackTests {
    private func makeEnd(_ change: (inout YamuxConfiguration) -> Void = { _ in }) throws -> YamuxEnd {
        var configuration = YamuxConfiguration()
        change(&configuration)
        let end = try YamuxEnd(.inbound, loop: EmbeddedEventLoop(), configuration: configuration)
        _ = try end.takeOutbound()
        return end
    }

    private func expectViolation(_ end: YamuxEnd, sourceLocation: SourceLocation = #_sourceLocation) throws {
        #expect(try end.takeFrames().last == .goAway(1), sourceLocation: sourceLocation)
        guard case .protocolViolation? = end.recorder.closed.first else {
            Issue.record("\(end.recorder.closed)", sourceLocation: sourceLocation)
            return
        }
        #expect(!end.channel.isActive && end.connection.streamCount == 0, sourceLocation: sourceLocation)
    }

    @Test func creditOverflowResetsTheStream() throws {
        let end = try self.makeEnd()
        try end.receive(.window(1, WireFrame.syn, .max - 262_144), .window(1, 0, 1))
        #expect(try end.takeFrames() == [.window(1, WireFrame.rst, StreamErrorCode.protocolViolation.rawValue)])
        #expect(end.recorder.recorders[0].closed == [.resetLocally(.protocolViolation)])
        #expect(end.channel.isActive)
    }

    @Test func creditOverflowInTheOpeningFrameResetsTheStream() throws {
        let end = try self.makeEnd()
        try end.receive(.window(1, WireFrame.syn, .max))
        #expect(try end.takeFrames() == [.window(1, WireFrame.rst, StreamErrorCode.protocolViolation.rawValue)])
    }

    @Test func dataBeyondTheWindowClosesTheConnectionBeforeItIsTaken() throws {
        let end = try self.makeEnd()
        end.recorder.returnsCredit = false
        try end.receive(.data(1, WireFrame.syn, [UInt8](repeating: 1, count: 262_144)))
        #expect(end.recorder.recorders[0].receivedBytes == 262_144)
        try end.receive(.data(1, 0, [2]))
        #expect(end.recorder.recorders[0].receivedBytes == 262_144)
        try self.expectViolation(end)
    }

    @Test func openingDataBeyondTheWindowMakesNoStream() throws {
        let end = try self.makeEnd()
        try end.receive(WireFrame(type: 0, flags: WireFrame.syn, id: 1, length: 262_145))
        #expect(end.recorder.accepted.isEmpty)
        try self.expectViolation(end)
    }

    @Test func aHeaderThatClaimsFourGigabytesClosesTheConnection() throws {
        let end = try self.makeEnd()
        try end.receive(.window(1, WireFrame.syn))
        try end.receive(WireFrame(type: 0, flags: 0, id: 1, length: .max))
        try self.expectViolation(end)
    }

    @Test func aFourGigabyteBodyForAnUnknownStreamClosesTheConnection() throws {
        let end = try self.makeEnd()
        try end.receive(WireFrame(type: 0, flags: 0, id: 1, length: .max))
        try self.expectViolation(end)
    }

    @Test func dataInFlightAfterOurResetIsDiscardedUpToTheWindow() throws {
        let end = try self.makeEnd()
        try end.receive(.window(1, WireFrame.syn))
        end.recorder.accepted[0].reset(.noError)
        // The window of the stream, and the slack every connection has.
        for _ in 0..<8 { try end.receive(.data(1, 0, [UInt8](repeating: 0, count: 65_536))) }
        #expect(end.channel.isActive && end.handler.statistics.discardedBytes == 524_288)
        try end.receive(.data(1, 0, [0]))
        try self.expectViolation(end)
    }

    @Test func dataAfterFINResetsTheStream() throws {
        let end = try self.makeEnd()
        try end.receive(.data(1, WireFrame.syn | WireFrame.fin, "x"), .data(1, 0, "y"))
        #expect(try end.takeFrames().contains(.window(1, WireFrame.rst, StreamErrorCode.protocolViolation.rawValue)))
        #expect(end.recorder.recorders[0].text == "x" && end.channel.isActive)
    }

    @Test func aPingFloodGetsAtMost32AnswersAndThenTheEnd() throws {
        let end = try self.makeEnd()
        end.channel.isWritable = false
        try end.receive((0..<900).map { .ping(WireFrame.syn, $0) })
        #expect(end.handler.staging.readableBytes == 32 * 12)
        #expect(end.handler.statistics.droppedPings == 868)
        end.channel.isWritable = true
        end.channel.pipeline.fireChannelWritabilityChanged()
        #expect(try end.takeFrames() == (0..<32).map { .ping(WireFrame.ack, $0) })
        try end.receive((0..<300).map { .ping(WireFrame.syn, $0) })
        #expect(end.recorder.closed.count == 1)
    }

    @Test func streamsBeyondTheLimitAreRefusedAndCounted() throws {
        let end = try self.makeEnd { $0.maxInboundStreams = 3 }
        try end.receive((0..<5).map { .window(UInt32(1 + 2 * $0), WireFrame.syn) })
        let refusal = StreamErrorCode.resourceLimitExceeded.rawValue
        #expect(end.connection.streamCount == 3 && end.handler.statistics.refusedStreams == 2)
        let frames = try end.takeFrames()
        #expect(frames.filter { $0.flags == WireFrame.rst } == [.window(7, 8, refusal), .window(9, 8, refusal)])
        #expect(frames.filter { $0.flags == WireFrame.ack }.count == 3)

        try end.receive(.window(1, WireFrame.rst), .window(11, WireFrame.syn))
        #expect(end.connection.streamCount == 3 && end.handler.statistics.refusedStreams == 2)
    }

    @Test func rapidResetEndsTheConnectionAsRateLimited() throws {
        let end = try self.makeEnd()
        for index in 0..<999 {
            let id = UInt32(1 + 2 * index)
            try end.receive(.window(id, WireFrame.syn), .window(id, WireFrame.rst))
        }
        #expect(end.channel.isActive)
        for index in 999..<1001 {
            try end.receive(.window(UInt32(1 + 2 * index), WireFrame.syn | WireFrame.rst))
        }
        #expect(end.recorder.closed == [.closedLocally(.rateLimited)])
        #expect(try end.takeFrames().last == .goAway(ConnectionErrorCode.rateLimited.rawValue))
    }

    @Test func resetsAtAModestRateAreTolerated() throws {
        let end = try self.makeEnd()
        for index in 0..<3000 {
            let id = UInt32(1 + 2 * index)
            try end.receive(.window(id, WireFrame.syn), .window(id, WireFrame.rst))
            end.loop.advanceTime(by: .milliseconds(20))
            if index % 100 == 0 { try self.answerPings(end) }
        }
        #expect(end.channel.isActive)
    }

    private func answerPings(_ end: YamuxEnd) throws {
        for frame in try end.takeFrames() where frame.type == 2 && frame.flags == WireFrame.syn {
            try end.receive(.ping(WireFrame.ack, frame.length))
        }
    }

    @Test func aFloodOfRefusalsStopsReadingWhileThePeerTakesNoAnswers() throws {
        let end = try self.makeEnd {
            $0.maxInboundStreams = 1
            $0.maxPendingControlBytes = 1200
        }
        let reads = ReadCounter()
        try end.channel.pipeline.syncOperations.addHandler(reads, position: .first)
        end.channel.isWritable = false
        try end.receive((0..<500).map { .window(UInt32(1 + 2 * $0), WireFrame.syn) })
        end.channel.read()
        #expect(reads.count == 0)
        #expect(end.handler.staging.readableBytes == 1200)
        #expect(end.handler.heldInbound.readableBytes == (500 - 101) * 12)

        end.channel.isWritable = true
        end.channel.pipeline.fireChannelWritabilityChanged()
        #expect(reads.count == 1 && end.handler.heldInbound.readableBytes == 0)
        #expect(try end.takeFrames().filter { $0.flags == WireFrame.rst }.count == 499)
    }

    @Test func framesThatChangeNothingAreAFloodInTheEnd() throws {
        let end = try self.makeEnd()
        try end.receive(.window(1, WireFrame.syn))
        try end.receive((0..<1000).map { _ in .data(1, 0, "") })
        #expect(end.channel.isActive)
        try end.receive(.window(1, 0, 0))
        try self.expectViolation(end)
    }

    @Test(arguments: [
        WireFrame.window(2, 1), .data(2, 1, "x"), .data(0, 0, "x"), .window(0, 1), .window(0, 0, 5),
        WireFrame(type: 9, flags: 0, id: 0, length: 0),
    ])
    func framesAgainstTheRulesOfNumbersAndTypesCloseTheConnection(frame: WireFrame) throws {
        let end = try self.makeEnd()
        try end.receive(frame)
        try self.expectViolation(end)
    }

    @Test func aReusedNumberClosesTheConnection() throws {
        let end = try self.makeEnd()
        try end.receive(.window(1, WireFrame.syn), .window(1, WireFrame.rst), .window(1, WireFrame.syn))
        try self.expectViolation(end)
    }

    @Test func aSecondSYNOnALiveStreamClosesTheConnection() throws {
        let end = try self.makeEnd()
        try end.receive(.window(1, WireFrame.syn), .data(1, WireFrame.syn, "x"))
        try self.expectViolation(end)
    }

    @Test func whatNobodyReturnsIsBoundedPerConnection() throws {
        let end = try self.makeEnd { $0.maxBufferedBytes = 600_000 }
        end.recorder.returnsCredit = false
        let full = [UInt8](repeating: 0, count: 250_000)
        try end.receive(.data(1, WireFrame.syn, full), .data(3, WireFrame.syn, full), .data(5, WireFrame.syn, full))
        #expect(end.recorder.recorders.map(\.closed) == [[], [], [.resetLocally(.resourceLimitExceeded)]])
        #expect(end.recorder.recorders[2].receivedBytes == 0)

        end.recorder.accepted[0].returnCredit(250_000)
        try end.receive(.data(7, WireFrame.syn, full))
        #expect(end.recorder.recorders[3].receivedBytes == 250_000 && end.channel.isActive)
    }

    @Test func oneByteFramesAreDeliveredTogether() throws {
        let end = try self.makeEnd()
        var deliveries = 0
        end.recorder.onAccept = { _ in end.recorder.recorders[0].onReceive = { _ in deliveries += 1 } }
        try end.receive([.window(1, WireFrame.syn)] + (0..<5000).map { .data(1, 0, [UInt8(truncatingIfNeeded: $0)]) })
        #expect(end.recorder.recorders[0].receivedBytes == 5000)
        #expect(
            Array(end.recorder.recorders[0].received.readableBytesView)
                == (0..<5000).map { UInt8(truncatingIfNeeded: $0) }
        )
        #expect(deliveries == 1)
    }

    @Test func heldCrumbsDoNotPinTheBuffersTheyCameIn() throws {
        let end = try self.makeEnd()
        end.recorder.setsDelegates = false
        try end.receive(.window(1, WireFrame.syn), .window(3, WireFrame.syn))
        for _ in 0..<10 {
            try end.receive(.data(1, 0, "x"), .data(3, 0, [UInt8](repeating: 0, count: 20_000)))
        }
        let recorder = StreamRecorder(end.recorder.accepted[0])
        var capacity = 0
        recorder.onReceive = { capacity += $0.storageCapacity }
        end.recorder.accepted[0].delegate = recorder
        #expect(recorder.text == "xxxxxxxxxx")
        #expect(capacity <= 64)
    }

    @Test func aPeerThatTakesNothingIsCutAfterTheWriteTimeout() throws {
        let end = try self.makeEnd()
        let (stream, recorder) = try end.open()
        end.channel.isWritable = false
        stream.write(ByteBuffer(string: "x"), promise: nil)
        end.loop.run()
        end.loop.advanceTime(by: .seconds(9))
        try end.receive(.window(1, WireFrame.syn))
        #expect(end.recorder.closed.isEmpty)
        end.loop.advanceTime(by: .seconds(2))
        #expect(recorder.closed == [.connectionClosed])
        guard case .transportFailed? = end.recorder.closed.first else {
            Issue.record("\(end.recorder.closed)")
            return
        }
        #expect(!end.channel.isActive)
    }
}

/// Counts the reads that reach the channel.
private final class ReadCounter: ChannelOutboundHandler {
    typealias OutboundIn = ByteBuffer
    var count = 0

    func read(context: ChannelHandlerContext) {
        self.count += 1
        context.read()
    }
}
