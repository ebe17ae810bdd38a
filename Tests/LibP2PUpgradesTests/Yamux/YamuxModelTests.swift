import LibP2PCore
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PUpgrades

/// Random operations on two joined muxers, checked against what every stream must have delivered.
@Suite struct YamuxModelTests {
    @Test(arguments: 0..<60)
    func everyByteArrivesOnceInOrderOrTheStreamIsReset(seed: Int) throws {
        var model = try Model(seed: UInt64(seed))
        for _ in 0..<250 { try model.doSomething() }
        try model.finish()
    }
}

/// One side of one stream: what was written into it, and what came out at the other end.
private final class Half {
    let stream: any MuxedStream
    let recorder: StreamRecorder
    var written = ByteBuffer()
    var isFinished = false
    var isReset = false
    weak var other: Half?

    init(_ stream: any MuxedStream) {
        self.stream = stream
        self.recorder = StreamRecorder(stream, returnsCredit: false)
    }
}

private struct Model {
    private let seed: UInt64
    private var random: SeededRandom
    private let loop = EmbeddedEventLoop()
    private let ends: [YamuxEnd]
    // By number; the parity says who opened it.
    private var halves: [[UInt64: Half]] = [[:], [:]]
    private var inFlight: [ByteBuffer] = [ByteBuffer(), ByteBuffer()]

    init(seed: UInt64) throws {
        self.seed = seed
        self.random = SeededRandom(seed: seed)
        var configuration = YamuxConfiguration()
        configuration.maxFramePayloadBytes = Int.random(in: 1...70_000, using: &self.random)
        configuration.outboundBatchBytes = Int.random(in: 1...200_000, using: &self.random)
        self.ends = [
            try YamuxEnd(.outbound, loop: self.loop, configuration: configuration),
            try YamuxEnd(.inbound, loop: self.loop, configuration: configuration),
        ]
        for end in self.ends { end.recorder.setsDelegates = false }
    }

    mutating func doSomething() throws {
        let side = Int.random(in: 0...1, using: &self.random)
        try self.adopt()
        let half = self.halves[side].sorted { $0.key < $1.key }.map(\.value).randomElement(using: &self.random)
        switch Int.random(in: 0..<100, using: &self.random) {
        case 0..<8:
            let stream = try self.ends[side].connection.openStream()
            self.halves[side][stream.id] = Half(stream)
        case 8..<35:
            guard let half, !half.isFinished, !half.isReset else { return }
            let sizes = [0, 1, 11, 500, 2047, 2048, 2049, 65_507, 65_508, 300_000]
            var data = ByteBuffer()
            let size = sizes.randomElement(using: &self.random) ?? 1
            let headroom = [0, 5, 12, 64].randomElement(using: &self.random) ?? 0
            data.writeRepeatingByte(0, count: headroom)
            data.moveReaderIndex(to: headroom)
            let offset = Int.random(in: 0..<1000, using: &self.random)
            if var bytes = YamuxPattern.bytes.getSlice(at: offset, length: size) { data.writeBuffer(&bytes) }
            half.written.writeImmutableBuffer(data)
            half.stream.write(data, promise: nil)
        case 35..<40:
            guard let half else { return }
            half.isFinished = true
            half.stream.closeWrite()
        case 40..<42:
            guard let half else { return }
            half.isReset = true
            half.stream.reset(.noError)
        case 42..<55:
            guard let half else { return }
            // A delegate comes, or goes and comes.
            half.stream.delegate = Bool.random(using: &self.random) ? half.recorder : nil
        case 55..<72:
            guard let half else { return }
            half.stream.returnCredit(Int.random(in: 0...100_000, using: &self.random))
        case 72..<77:
            let channel = self.ends[side].channel
            channel.isWritable.toggle()
            channel.pipeline.fireChannelWritabilityChanged()
        case 77..<80:
            self.loop.advanceTime(by: .milliseconds(Int64.random(in: 1...200, using: &self.random)))
        default:
            try self.carry(from: side, limit: Int.random(in: 1...100_000, using: &self.random))
        }
    }

    /// Gives the streams that the other side opened their place in the model.
    private mutating func adopt() throws {
        for side in 0...1 {
            for stream in self.ends[side].recorder.accepted {
                self.halves[side][stream.id] = self.halves[side][stream.id] ?? Half(stream)
            }
            self.ends[side].recorder.accepted = []
        }
    }

    private mutating func carry(from side: Int, limit: Int) throws {
        var fresh = try self.ends[side].takeOutbound()
        self.inFlight[side].writeBuffer(&fresh)
        let count = min(limit, self.inFlight[side].readableBytes)
        guard count > 0, let slice = self.inFlight[side].readSlice(length: count) else { return }
        try self.ends[1 - side].receive(slice)
    }

    mutating func finish() throws {
        for end in self.ends {
            end.channel.isWritable = true
            end.channel.pipeline.fireChannelWritabilityChanged()
        }
        var isQuiet = false
        while !isQuiet {
            isQuiet = true
            try self.adopt()
            for side in 0...1 {
                for half in self.halves[side].values {
                    half.isFinished = true
                    half.stream.closeWrite()
                    if half.recorder.closed.isEmpty { half.stream.delegate = half.recorder }
                    half.stream.returnCredit(1 << 30)
                }
                let before = self.inFlight[side].readableBytes
                let fresh = try self.ends[side].takeOutbound()
                self.inFlight[side].writeImmutableBuffer(fresh)
                if before + fresh.readableBytes > 0 { isQuiet = false }
                try self.carry(from: side, limit: .max)
            }
        }
        self.check()
    }

    private func check() {
        let seed = self.seed
        for end in self.ends {
            #expect(end.channel.isActive && end.recorder.closed.isEmpty, "seed \(seed)")
            #expect(end.connection.streamCount == 0, "seed \(seed)")
        }
        for side in 0...1 {
            for (number, half) in self.halves[side] {
                let other = self.halves[1 - side][number]
                let received = other?.recorder.received ?? ByteBuffer()
                #expect(half.recorder.closed.count == 1, "seed \(seed), stream \(number)")
                if half.isReset || other?.isReset == true {
                    let isPrefix = half.written.getSlice(at: 0, length: received.readableBytes) == received
                    #expect(isPrefix, "seed \(seed), stream \(number)")
                } else {
                    #expect(received == half.written, "seed \(seed), stream \(number)")
                    #expect(other?.recorder.remoteClosedWrite == 1, "seed \(seed), stream \(number)")
                    #expect(half.recorder.closed == [.finished], "seed \(seed), stream \(number)")
                }
            }
            let opened = self.ends[side].recorder.ended
            #expect(Set(opened).count == opened.count, "seed \(seed)")
            #expect(Set(opened) == Set(self.halves[side].keys), "seed \(seed)")
        }
    }
}
