import Glibc
import LibP2PCore
import LocalIPC
import NIOCore
import NIOPosix
import P2PDaemon
import Testing

@Suite(.timeLimit(.minutes(1))) struct BridgeTests {
    @Test(arguments: [false, true]) func bytesPassInBothDirections(acceptedElsewhere: Bool) async throws {
        let bridge = try await BridgeFixture(acceptedElsewhere: acceptedElsewhere)

        bridge.send("hello")
        try await bridge.streamReaches { String(buffer: $0.written) == "hello" }
        try await bridge.onStream { $0.receive("world") }

        #expect(bridge.readText(5) == "world")
    }

    @Test func anAnswerStillInTheQueueSurvivesTheMoveToAnotherLoop() async throws {
        let answer = ByteBuffer(repeating: 0x61, count: 4_000_000)
        let bridge = try await BridgeFixture(early: "early", acceptedElsewhere: true, answer: answer)
        bridge.send(" late")
        bridge.endDirection()

        #expect(bridge.read(4_000_000)?.count == 4_000_000)
        try await bridge.onStream { $0.receive("after") }

        #expect(bridge.readText(5) == "after")
        try await bridge.streamReaches { $0.isWriteClosed && String(buffer: $0.written) == "early late" }
    }

    @Test(arguments: [false, true]) func earlyBytesGoFirst(acceptedElsewhere: Bool) async throws {
        let bridge = try await BridgeFixture(early: "early ", acceptedElsewhere: acceptedElsewhere)

        bridge.send("late")

        try await bridge.streamReaches { String(buffer: $0.written) == "early late" }
    }

    @Test func aClientThatEndedBeforeTheBridgeEndsTheStreamBehindItsBytes() async throws {
        let bridge = try await BridgeFixture(early: "all", inputClosed: true)

        try await bridge.streamReaches { $0.isWriteClosed && String(buffer: $0.written) == "all" }
        try await bridge.onStream { stream in
            stream.receive("answer")
            stream.remoteEnds()
            stream.end(.finished)
        }

        #expect(bridge.readText() == "answer")
        #expect(bridge.readText(1) == "")
    }

    @Test func theProgramsHalfCloseLetsTheAnswerThrough() async throws {
        let bridge = try await BridgeFixture()

        bridge.send("request")
        bridge.endDirection()
        try await bridge.streamReaches { $0.isWriteClosed && String(buffer: $0.written) == "request" }
        try await bridge.onStream { stream in
            stream.receive("answer")
            stream.remoteEnds()
            stream.end(.finished)
        }

        #expect(bridge.readText() == "answer")
        #expect(bridge.isHungUp())
        #expect(try await bridge.onStream { $0.resetCode } == nil)
    }

    @Test func aLongAnswerAfterTheProgramsHalfCloseArrivesWhole() async throws {
        let bridge = try await BridgeFixture()

        bridge.endDirection()
        try await bridge.streamReaches { $0.isWriteClosed }
        try await bridge.onStream { stream in
            for _ in 0..<64 { stream.receive(ByteBuffer(repeating: 7, count: 65_536)) }
            stream.remoteEnds()
            stream.end(.finished)
        }

        #expect(bridge.read(.max)?.count == 64 * 65_536)
        #expect(bridge.isHungUp())
    }

    @Test func thePeersHalfCloseLetsTheProgramGoOn() async throws {
        let bridge = try await BridgeFixture()

        try await bridge.onStream { stream in
            stream.receive("bye")
            stream.remoteEnds()
        }
        #expect(bridge.readText() == "bye")
        bridge.send("still here")
        bridge.endDirection()

        try await bridge.streamReaches { $0.isWriteClosed && String(buffer: $0.written) == "still here" }
        #expect(bridge.isHungUp())
        #expect(try await bridge.onStream { $0.resetCode } == nil)
    }

    @Test func aProgramThatSendsAndLeavesLosesNothing() async throws {
        let bridge = try await BridgeFixture()
        try await bridge.onStream { $0.setWritable(false) }
        var sent = 0
        let chunk = [UInt8](repeating: 1, count: 10_000)
        while case let count = Glibc.send(bridge.program, chunk, chunk.count, CInt(MSG_DONTWAIT)), count > 0 {
            sent += count
        }
        // It leaves in the very turn in which the peer's answer comes: the loop learns of it by the failing write.
        let program = bridge.program
        try await bridge.onStream { stream in
            stream.eventLoop.execute { shutdown(program, CInt(SHUT_RDWR)) }
            stream.receive("answer")
        }

        let total = sent
        try await bridge.streamReaches { $0.isWriteClosed && $0.written.readableBytes == total }
        #expect(try await bridge.onStream { $0.resetCode } == nil)
    }

    @Test func aStreamWithoutItsProgramIsResetWhenItStandsStill() async throws {
        var limits = BridgeLimits()
        limits.lingerInterval = .milliseconds(5)
        let bridge = try await BridgeFixture(limits: limits)

        shutdown(bridge.program, CInt(SHUT_RDWR))

        try await bridge.streamReaches { $0.isWriteClosed }
        try await bridge.streamReaches { $0.resetCode != nil }
    }

    @Test func aProgramThatLeavesBytesUnreadResetsTheStream() async throws {
        let bridge = try await BridgeFixture()
        try await bridge.onStream { $0.receive("unread") }
        try await bridge.streamReaches { $0.returnedCredit == 6 }

        // The fixture closes its descriptor; so this one has to be another name of nothing.
        let null = open("/dev/null", O_RDWR)
        dup2(null, bridge.program)
        close(null)

        try await bridge.streamReaches { $0.resetCode != nil }
    }

    @Test(arguments: [StreamCloseReason.resetByPeer(.noError), .connectionClosed])
    func aStreamThatDiesIsAnOrderlyEndForTheProgram(reason: StreamCloseReason) async throws {
        let bridge = try await BridgeFixture()
        try await bridge.onStream { $0.setWritable(false) }
        bridge.send("never read by anybody")

        try await bridge.onStream { stream in
            stream.receive("last words")
            stream.end(reason)
        }

        #expect(bridge.readText() == "last words")
        bridge.send("and more")
        bridge.endDirection()
        #expect(bridge.isHungUp())
        #expect(bridge.read(1) == [])
    }

    @Test func aProgramThatGoesOnSendingToADeadStreamIsHungUpOnWithoutAReset() async throws {
        let bridge = try await BridgeFixture()
        try await bridge.onStream { $0.end(.resetByPeer(.noError)) }
        #expect(bridge.read(1) == [])

        let chunk = [UInt8](repeating: 1, count: 65_536)
        var sent = 0
        var failure: CInt = 0
        while failure == 0, sent < 100_000_000 {
            let count = Glibc.send(bridge.program, chunk, chunk.count, CInt(MSG_NOSIGNAL))
            if count < 0 { failure = errno } else { sent += count }
        }

        #expect(failure == EPIPE)
        #expect(sent < 4_000_000)
        #expect(bridge.isHungUp())
        #expect(bridge.read(1) == [])
    }

    @Test func aProgramThatStaysAfterItsStreamDiedIsHungUpOnInTime() async throws {
        var limits = BridgeLimits()
        limits.discardTime = .milliseconds(5)
        let bridge = try await BridgeFixture(limits: limits)

        try await bridge.onStream { $0.end(.connectionClosed) }

        #expect(bridge.isHungUp())
        #expect(bridge.read(1) == [])
    }

    @Test func aReaderThatStopsHoldsThePeerBackAndLosesNothing() async throws {
        let bridge = try await BridgeFixture()
        let window = 262_144
        let total = 4_000_000
        // A peer that honours the window: sends whenever it has credit.
        try await bridge.onStream { stream in
            nonisolated(unsafe) var sent = 0
            nonisolated(unsafe) var isSending = false
            let pump: @Sendable () -> Void = {
                guard !isSending else { return }
                isSending = true
                while sent < total, sent - stream.returnedCredit < window {
                    let count = min(16_384, total - sent, window - (sent - stream.returnedCredit))
                    sent += count
                    stream.receive(ByteBuffer(repeating: UInt8(truncatingIfNeeded: sent), count: count))
                }
                isSending = false
            }
            stream.onChange = { stream.eventLoop.execute(pump) }
            pump()
        }
        // The kernel's buffer takes some, then nothing more is credited.
        var before = -1
        var credited = 0
        while credited != before {
            before = credited
            try await bridge.onStream { _ in }
            credited = try await bridge.onStream { $0.returnedCredit }
        }
        #expect(credited < 1_500_000)

        #expect(bridge.read(total)?.count == total)
        try await bridge.onStream { $0.onChange = nil }
        try await bridge.streamReaches { $0.returnedCredit > total - 65_536 }
    }

    @Test func aStreamThatTakesNothingHoldsTheProgramBack() async throws {
        let bridge = try await BridgeFixture()
        try await bridge.onStream { $0.isWritable = false }

        let chunk = [UInt8](repeating: 1, count: 65_536)
        var sent = 0
        while case let count = Glibc.send(bridge.program, chunk, chunk.count, CInt(MSG_DONTWAIT)), count > 0 {
            sent += count
            try await bridge.onStream { _ in }
        }

        #expect(sent < 1_500_000)
        try await bridge.onStream { $0.setWritable(true) }
        let total = sent
        try await bridge.streamReaches { $0.written.readableBytes == total }
    }

    @Test func tenThousandChunksOfRandomSizeArriveInOrder() async throws {
        let bridge = try await BridgeFixture()
        var random = SeededGenerator(seed: 7)
        let sizes = (0..<10_000).map { _ in Int.random(in: 1...1500, using: &random) }
        let total = sizes.reduce(0, +)
        let expected = (0..<total).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }

        let program = bridge.program
        let writer = NIOThreadPool.singleton.runIfActive(eventLoop: bridge.loop) {
            var offset = 0
            for size in sizes {
                var left = expected[offset..<offset + size]
                while !left.isEmpty {
                    let count = left.withUnsafeBytes { write(program, $0.baseAddress, $0.count) }
                    guard count > 0 else { return }
                    left = left.dropFirst(count)
                }
                offset += size
            }
        }
        try await bridge.onStream { stream in
            var offset = 0
            for size in sizes {
                stream.receive(ByteBuffer(bytes: expected[offset..<offset + size]))
                offset += size
            }
        }

        #expect(bridge.read(total) == expected)
        try await writer.get()
        try await bridge.streamReaches { $0.written.readableBytes == total }
        #expect(try await bridge.onStream { Array($0.written.readableBytesView) } == expected)
    }

    @Test func thousandsOfBridgesLeaveNoDescriptorBehind() async throws {
        await #expect(processExitsWith: .success) {
            func count() -> Int { (0..<4096).count { fcntl(CInt($0), F_GETFD) >= 0 } }
            try await BridgeTests.runBatch(0)
            let before = count()
            for batch in 0..<30 { try await BridgeTests.runBatch(batch) }
            // The last ones may still be closing: their program has seen the end, the loops have not.
            for _ in 0..<1000 where count() != before {
                for loop in MultiThreadedEventLoopGroup.singleton.makeIterator() { try await loop.submit {}.get() }
            }
            exit(count() == before ? 0 : 1)
        }
    }

    /// A hundred bridges that end in every way there is.
    static func runBatch(_ batch: Int) async throws {
        for index in 0..<100 {
            let bridge = try await BridgeFixture(early: "x", acceptedElsewhere: index % 2 == 0)
            try await bridge.streamReaches { $0.written.readableBytes > 0 && $0.delegate != nil }
            switch (index + batch) % 4 {
            case 0:
                try await bridge.onStream { $0.end(.resetByPeer(.noError)) }
                bridge.endDirection()
            case 1:
                bridge.endDirection()
                try await bridge.streamReaches { $0.isWriteClosed }
                try await bridge.onStream { $0.remoteEnds() }
                try await bridge.onStream { $0.end(.finished) }
            case 2:
                shutdown(bridge.program, CInt(SHUT_RDWR))
                try await bridge.streamReaches { $0.isWriteClosed }
                try await bridge.onStream { $0.end(.connectionClosed) }
            default:
                try await bridge.onStream { $0.remoteEnds() }
                _ = bridge.read(1)
                bridge.endDirection()
                try await bridge.streamReaches { $0.isWriteClosed }
                try await bridge.onStream { $0.end(.finished) }
            }
            guard bridge.isHungUp() else { exit(2) }
        }
    }
}

/// Repeatable randomness (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
