import LibP2PCore
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PUpgrades

/// Two muxers joined by a link with a delay and a rate, on virtual time.
private final class SimulatedLink {
    let loop = EmbeddedEventLoop()
    let near: YamuxEnd
    let far: YamuxEnd
    private let delay: TimeAmount
    private let bytesPerStep: Int
    private let step: TimeAmount
    private let socketBytes: Int
    private var there = Direction()
    private var back = Direction()

    private struct Direction {
        var queued = YamuxQueue<ByteBuffer>()
        var queuedBytes = 0
        var flying = YamuxQueue<(at: NIODeadline, bytes: ByteBuffer)>()
    }

    init(
        roundTrip: TimeAmount,
        bytesPerSecond: Int,
        step: TimeAmount,
        socketBytes: Int,
        configuration: YamuxConfiguration
    ) throws {
        self.near = try YamuxEnd(.outbound, loop: self.loop, configuration: configuration)
        self.far = try YamuxEnd(.inbound, loop: self.loop, configuration: configuration)
        self.delay = .nanoseconds(roundTrip.nanoseconds / 2)
        self.step = step
        self.bytesPerStep = Int(Int64(bytesPerSecond) * step.nanoseconds / 1_000_000_000)
        self.socketBytes = socketBytes
    }

    func advanceOneStep() throws {
        try self.carry(from: self.near, to: self.far, &self.there)
        try self.carry(from: self.far, to: self.near, &self.back)
        self.loop.advanceTime(by: self.step)
    }

    private func carry(from source: YamuxEnd, to sink: YamuxEnd, _ direction: inout Direction) throws {
        self.loop.run()
        while let buffer = try source.channel.readOutbound(as: ByteBuffer.self) {
            direction.queuedBytes += buffer.readableBytes
            direction.queued.append(buffer)
        }
        var left = self.bytesPerStep
        while left > 0, let size = direction.queued.first?.readableBytes {
            let slice =
                size <= left
                ? direction.queued.popFirst() : direction.queued.withFirst { $0.readSlice(length: left) } ?? nil
            guard let slice else { break }
            left -= slice.readableBytes
            direction.queuedBytes -= slice.readableBytes
            direction.flying.append((self.loop.now + self.delay, slice))
        }
        let isWritable = direction.queuedBytes < self.socketBytes
        if source.channel.isWritable != isWritable {
            source.channel.isWritable = isWritable
            source.channel.pipeline.fireChannelWritabilityChanged()
        }
        while let first = direction.flying.first, first.at <= self.loop.now {
            _ = direction.flying.popFirst()
            try sink.receive(first.bytes)
        }
    }
}

@Suite struct YamuxLinkTests {
    /// Bytes per second that one stream carries between the two times.
    private func throughput(
        roundTrip: TimeAmount,
        bytesPerSecond: Int,
        socketBytes: Int,
        from: TimeAmount,
        to: TimeAmount,
        configuration: YamuxConfiguration = YamuxConfiguration()
    ) throws -> Double {
        let step = TimeAmount.microseconds(500)
        let link = try SimulatedLink(
            roundTrip: roundTrip,
            bytesPerSecond: bytesPerSecond,
            step: step,
            socketBytes: socketBytes,
            configuration: configuration
        )
        link.far.recorder.onAccept = { _ in link.far.recorder.recorders[0].keepsBytes = false }
        let (stream, recorder) = try link.near.open()
        let chunk = ByteBuffer(repeating: 0, count: 262_144)
        let fill = { while stream.isWritable { stream.write(chunk, promise: nil) } }
        recorder.onWritable = fill
        fill()

        var atStart = 0
        let start = link.loop.now
        while link.loop.now - start < to {
            try link.advanceOneStep()
            if link.loop.now - start <= from { atStart = link.far.recorder.recorders.first?.receivedBytes ?? 0 }
        }
        let bytes = (link.far.recorder.recorders.first?.receivedBytes ?? 0) - atStart
        return Double(bytes) / (Double((to - from).nanoseconds) / 1e9)
    }

    @Test func theWindowGrowsUntilThePathIsFull() throws {
        let rate = 30_000_000
        let reached = try self.throughput(
            roundTrip: .milliseconds(60),
            bytesPerSecond: rate,
            socketBytes: 1 << 20,
            from: .milliseconds(700),
            to: .milliseconds(1300)
        )
        #expect(reached >= 0.95 * Double(rate), "\(reached)")
    }

    @Test func atTheLargestWindowThePathCarriesAWindowPerRoundTrip() throws {
        var configuration = YamuxConfiguration()
        configuration.maxStreamWindowBytes = 1 << 20
        let reached = try self.throughput(
            roundTrip: .milliseconds(60),
            bytesPerSecond: 25_000_000,
            socketBytes: 1 << 24,
            from: .milliseconds(700),
            to: .milliseconds(1660),
            configuration: configuration
        )
        #expect(reached >= 0.95 * Double(1 << 20) / 0.06, "\(reached)")
    }

    @Test func aSlowReceiverKeepsItsSmallWindow() throws {
        let pair = try YamuxPair()
        try pair.settle()
        pair.listener.recorder.returnsCredit = false
        let (stream, _) = try pair.dialer.open()
        for _ in 0..<20 {
            stream.write(ByteBuffer(repeating: 0, count: 131_072), promise: nil)
            try pair.settle()
            pair.loop.advanceTime(by: .milliseconds(500))
            pair.listener.recorder.accepted[0].returnCredit(131_072)
            try pair.settle()
        }
        let remote = try #require(pair.listener.recorder.accepted[0] as? YamuxStream)
        #expect(remote.machine.receive.targetBytes == 262_144)
    }

    @Test func theExtraWindowOfAllStreamsIsBounded() throws {
        var configuration = YamuxConfiguration()
        configuration.maxExtraWindowBytes = 1 << 20
        let pair = try YamuxPair(configuration: configuration)
        try pair.settle()
        for _ in 0..<10 {
            let (stream, _) = try pair.dialer.open()
            stream.write(ByteBuffer(repeating: 0, count: 2_000_000), promise: nil)
            try pair.settle()
        }
        let targets = pair.listener.recorder.accepted.compactMap { ($0 as? YamuxStream)?.machine.receive.targetBytes }
        #expect(targets.reduce(0, +) <= (1 << 20) + 10 * 262_144)
        #expect(targets.reduce(0, +) > 10 * 262_144)
    }
}

@Suite struct YamuxScaleTests {
    @Test func tenThousandStreamsCarryBytesAtOnce() throws {
        var configuration = YamuxConfiguration()
        configuration.maxInboundStreams = 10_000
        configuration.maxUnacknowledgedStreams = 10_000
        let pair = try YamuxPair(configuration: configuration)
        let streams = try (0..<10_000).map { _ in try pair.dialer.open() }
        for (stream, _) in streams { stream.write(ByteBuffer(integer: stream.id), promise: nil) }
        try pair.settle()
        #expect(pair.listener.connection.streamCount == 10_000)
        for (index, stream) in pair.listener.recorder.accepted.enumerated() {
            #expect(pair.listener.recorder.recorders[index].received.getInteger(at: 0, as: UInt64.self) == stream.id)
            stream.closeWrite()
        }
        for (stream, _) in streams { stream.closeWrite() }
        try pair.settle()
        #expect(pair.dialer.connection.streamCount == 0 && pair.listener.connection.streamCount == 0)
        #expect(pair.dialer.recorder.ended.count == 10_000 && pair.listener.recorder.ended.count == 10_000)
    }

    @Test func anIdleStreamIsSmall() {
        #expect(instanceSize(YamuxStream.self) < 512)
    }
}

/// The bytes of an instance, from the runtime's metadata: the size stands behind the fields every class has.
private func instanceSize(_ type: AnyClass) -> Int {
    let words = unsafeBitCast(type, to: UnsafePointer<UInt32>.self)
    // Kind, superclass, flags and address point precede it: 8 + 8 + 4 + 4 bytes.
    return Int(words[6])
}
