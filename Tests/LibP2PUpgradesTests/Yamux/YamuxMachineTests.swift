import LibP2PCore
import NIOCore
import Testing

@testable import LibP2PUpgrades

@Suite struct YamuxFrameDecoderTests {
    private func decode(_ bytes: [UInt8], chunk: Int) -> [YamuxFrameDecoder.Event] {
        var decoder = YamuxFrameDecoder()
        var events: [YamuxFrameDecoder.Event] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            var buffer = ByteBuffer(bytes: rest.prefix(chunk))
            rest = rest.dropFirst(chunk)
            while true {
                let event = decoder.next(&buffer)
                if event == .needMoreBytes { break }
                events.append(event)
                if case .violation = event { return events }
            }
        }
        return events
    }

    @Test(arguments: 1...40)
    func framesAreTheSameHoweverTheBytesArrive(chunk: Int) {
        var wire = ByteBuffer()
        WireFrame.data(1, WireFrame.syn, "abc").write(to: &wire)
        WireFrame.window(0xFFFF_FFFE, 0x000F, 0xFFFF_FFFF).write(to: &wire)
        WireFrame.ping(2, 77).write(to: &wire)

        let events = self.decode(Array(wire.readableBytesView), chunk: chunk)
        var body: [UInt8] = []
        var headers: [YamuxHeader] = []
        var lasts = 0
        for event in events {
            switch event {
            case .header(let header): headers.append(header)
            case .body(let piece, let isLast):
                body += Array(piece.readableBytesView)
                lasts += isLast ? 1 : 0
            case .needMoreBytes, .violation: Issue.record("unexpected \(event)")
            }
        }
        #expect(body == Array("abc".utf8) && lasts == 1)
        #expect(
            headers == [
                YamuxHeader(type: .data, flags: .syn, streamID: 1, length: 3),
                YamuxHeader(
                    type: .windowUpdate,
                    flags: [.syn, .ack, .fin, .rst],
                    streamID: 0xFFFF_FFFE,
                    length: 0xFFFF_FFFF
                ),
                YamuxHeader(type: .ping, flags: .ack, streamID: 0, length: 77),
            ]
        )
    }

    @Test func anUnknownVersionIsAViolation() {
        #expect(
            self.decode([1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], chunk: 12) == [.violation(.unknownVersion(1))]
        )
    }

    @Test func anUnknownTypeIsAViolation() {
        #expect(self.decode([0, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], chunk: 12) == [.violation(.unknownType(4))])
    }

    @Test func aHeaderSurvivesEncoding() {
        let header = YamuxHeader(type: .goAway, flags: [.fin, .ack], streamID: 0x0102_0304, length: 0x0506_0708)
        #expect(YamuxHeader.parse(high: header.high, low: header.low) == .header(header))
    }
}

@Suite struct YamuxStreamNumbersTests {
    @Test func theDialerGivesOddNumbersAndTheListenerEvenOnes() {
        var dialer = YamuxStreamNumbers(direction: .outbound)
        var listener = YamuxStreamNumbers(direction: .inbound)
        #expect(dialer.takeLocal() == 1)
        #expect(dialer.takeLocal() == 3)
        #expect(listener.takeLocal() == 2)
        #expect(listener.takeLocal() == 4)
    }

    @Test(arguments: [Direction.inbound, .outbound])
    func aNumberIsNewOnce(direction: Direction) {
        var numbers = YamuxStreamNumbers(direction: direction)
        let first: UInt32 = direction == .inbound ? 1 : 2
        for number in stride(from: first, to: first + 20, by: 2) {
            #expect(numbers.receiveSYN(number) == .new)
            #expect(numbers.receiveSYN(number) == .closeConnection(.streamNumberReused(number)))
        }
    }

    @Test func aNumberOfOurSideIsRefused() {
        var numbers = YamuxStreamNumbers(direction: .inbound)
        #expect(numbers.receiveSYN(2) == .closeConnection(.streamNumberOfWrongSide(2)))
    }

    @Test(arguments: [2, 3, 64, 127, 128, 129, 130, 200, 255, 256, 257, 300, 10_000])
    func skippedNumbersMayComeLateOnceAndWithin256(gap: Int) {
        var numbers = YamuxStreamNumbers(direction: .inbound)
        var seen: Set<UInt32> = [1]
        #expect(numbers.receiveSYN(1) == .new)
        let top = UInt32(1 + 2 * gap)
        #expect(numbers.receiveSYN(top) == .new)
        seen.insert(top)
        for number in stride(from: UInt32(1), through: top, by: 2).reversed() {
            let isLate = (Int(top) - Int(number)) / 2 > 256
            let expected: YamuxStreamNumbers.OnSYN =
                seen.contains(number) || isLate ? .closeConnection(.streamNumberReused(number)) : .new
            #expect(numbers.receiveSYN(number) == expected, "\(number) of \(top)")
            #expect(numbers.receiveSYN(number) == .closeConnection(.streamNumberReused(number)))
        }
    }

    @Test func arbitraryOrderWithinTheWindowIsAccepted() {
        var random = SeededRandom(seed: 5)
        var numbers = YamuxStreamNumbers(direction: .outbound)
        for block in 0..<20 {
            let ids = (0..<200).map { UInt32(2 + 2 * (block * 200 + $0)) }.shuffled(using: &random)
            for id in ids { #expect(numbers.receiveSYN(id) == .new) }
            for id in ids { #expect(numbers.receiveSYN(id) == .closeConnection(.streamNumberReused(id))) }
        }
    }

    @Test func theLargestNumbersDoNotOverflow() {
        var numbers = YamuxStreamNumbers(direction: .inbound)
        #expect(numbers.receiveSYN(.max) == .new)
        #expect(numbers.receiveSYN(.max - 2) == .new)
        #expect(numbers.receiveSYN(1) == .closeConnection(.streamNumberReused(1)))
    }
}

@Suite struct YamuxPingerTests {
    @Test func theFirstPingIsDueAtOnceAndTheNextAfterTheInterval() {
        let start = NIODeadline.uptimeNanoseconds(1000)
        var pinger = YamuxPinger(interval: .seconds(30), timeout: .seconds(10), now: start)
        #expect(pinger.deadlineReached(now: start, hasHeardPeer: false) == .sendPing(0))
        #expect(pinger.receivePong(1, now: start) == false)
        #expect(pinger.receivePong(0, now: start + .milliseconds(40)) == true)
        #expect(pinger.roundTrip == .milliseconds(40))
        #expect(pinger.nextDeadline == start + .milliseconds(40) + .seconds(30))
        #expect(pinger.receivePong(0, now: start + .milliseconds(50)) == false)
    }

    @Test func aSilentPeerIsLostAndABusyOneIsNot() {
        let start = NIODeadline.uptimeNanoseconds(1000)
        var pinger = YamuxPinger(interval: .seconds(30), timeout: .seconds(10), now: start)
        _ = pinger.deadlineReached(now: start, hasHeardPeer: false)
        #expect(pinger.deadlineReached(now: start + .seconds(9), hasHeardPeer: false) == .none)
        #expect(pinger.deadlineReached(now: start + .seconds(10), hasHeardPeer: true) == .none)
        #expect(pinger.deadlineReached(now: start + .seconds(20), hasHeardPeer: false) == .connectionLost)
    }
}

@Suite struct YamuxTokenBucketTests {
    @Test func theBurstIsAllowedThenTheRate() {
        let start = NIODeadline.uptimeNanoseconds(0)
        var bucket = YamuxTokenBucket(burst: 3, perSecond: 2, now: start)
        for expected in [true, true, true, false] { #expect(bucket.take(now: start) == expected) }
        #expect(bucket.take(now: start + .milliseconds(499)) == false)
        #expect(bucket.take(now: start + .milliseconds(501)) == true)
        for expected in [true, true, true, false] { #expect(bucket.take(now: start + .seconds(100)) == expected) }
    }
}

@Suite struct YamuxReceiveSideTests {
    private let start = NIODeadline.uptimeNanoseconds(0)

    @Test func dataUpToTheWindowIsAcceptedAndNotOneByteMore() {
        var side = YamuxReceiveSide(now: self.start)
        #expect(side.receiveData(length: 262_144) == .accept)
        #expect(side.receiveData(length: 1) == .beyondWindow)
        #expect(side.receiveData(length: 0) == .accept)
    }

    @Test(arguments: [(0, 32_768), (786_432, 32_768), (3_932_160, 131_072), (16_515_072, 262_144)])
    func aSmallPartOfTheWindowIsAnnounced(growth: Int, step: Int) {
        var side = YamuxReceiveSide(now: self.start)
        side.grow(by: growth)
        _ = side.takeAnnouncement()
        _ = side.receiveData(length: step)
        #expect(side.returnCredit(step - 1) == step - 1)
        #expect(side.takeAnnouncement() == 0)
        #expect(side.returnCredit(1) == 1)
        #expect(Int(side.takeAnnouncement()) == step)
        #expect(side.windowBytes == 262_144 + growth)
    }

    @Test func anAlmostEmptyWindowIsRefilledInSmallerSteps() {
        var side = YamuxReceiveSide(now: self.start)
        _ = side.receiveData(length: 262_144)
        _ = side.returnCredit(8191)
        #expect(side.takeAnnouncement() == 0)
        _ = side.returnCredit(1)
        #expect(side.takeAnnouncement() == 8192)
    }

    @Test func creditIsReturnedOnceOnly() {
        var side = YamuxReceiveSide(now: self.start)
        _ = side.receiveData(length: 10)
        #expect(side.returnCredit(100) == 10)
        #expect(side.returnCredit(1) == 0)
        #expect(side.returnCredit(-5) == 0)
    }

    @Test(arguments: [(119, 262_144), (121, 0)])
    func theWindowDoublesWhenHalfOfItIsConsumedWithinTwoRoundTrips(milliseconds: Int64, growth: Int) {
        var side = YamuxReceiveSide(now: self.start)
        _ = side.receiveData(length: 131_072)
        #expect(!side.isEpochComplete)
        _ = side.returnCredit(131_072)
        #expect(side.isEpochComplete)
        let now = self.start + .milliseconds(milliseconds)
        #expect(side.endEpoch(now: now, roundTrip: .milliseconds(60), limit: 1 << 24) == growth)
        #expect(!side.isEpochComplete)
    }

    @Test func theWindowStopsAtItsLimitAndNeedsARoundTrip() {
        var side = YamuxReceiveSide(now: self.start)
        #expect(side.endEpoch(now: self.start, roundTrip: .seconds(1), limit: 300_000) == 300_000 - 262_144)
        #expect(side.endEpoch(now: self.start, roundTrip: .seconds(1), limit: 262_144) == 0)
        #expect(side.endEpoch(now: self.start, roundTrip: .seconds(1), limit: 1000) == 0)
        #expect(side.endEpoch(now: self.start, roundTrip: nil, limit: 1 << 24) == 0)
    }

    @Test func growthIsAnnouncedAsCredit() {
        var side = YamuxReceiveSide(now: self.start)
        side.grow(by: 262_144)
        #expect(side.takeAnnouncement() == 262_144)
        #expect(side.windowBytes == 524_288)
    }
}
