import LibP2PCore
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PUpgrades

/// Feeds a muxer whatever the bytes say, as both roles, in pieces, while its user does things.
enum YamuxFuzz {
    /// The first byte chooses the role and how the rest is cut; the rest is what the peer sends.
    static func run(_ bytes: [UInt8]) {
        let choice = bytes.first ?? 0
        let loop = EmbeddedEventLoop()
        guard let end = try? YamuxEnd(choice & 1 == 0 ? .inbound : .outbound, loop: loop) else { return }
        end.recorder.returnsCredit = choice & 2 == 0
        end.recorder.onAccept = { stream in
            if choice & 4 != 0 { stream.write(ByteBuffer(string: "answer"), promise: nil) }
            if choice & 8 != 0 { stream.closeWrite() }
            if choice & 16 != 0, stream.id & 4 != 0 { stream.reset(.noError) }
        }
        if choice & 1 != 0 { for _ in 0..<4 { _ = try? end.open() } }
        let chunk = 1 + Int(choice >> 5) * 37
        var rest = bytes.dropFirst()
        while !rest.isEmpty, end.channel.isActive {
            try? end.receive(ByteBuffer(bytes: rest.prefix(chunk)))
            rest = rest.dropFirst(chunk)
            loop.advanceTime(by: .milliseconds(1))
        }
        end.connection.close(.noError).whenComplete { _ in }
        loop.advanceTime(by: .seconds(2))
        precondition(end.recorder.closed.count == 1, "a connection ends once")
        precondition(end.recorder.recorders.allSatisfy { $0.closed.count == 1 }, "a stream ends once")
        _ = try? end.channel.finish(acceptAlreadyClosed: true)
    }
}

@Suite struct YamuxFuzzTests {
    @Test(arguments: 0..<8)
    func arbitraryBytesDoNotHarm(seed: UInt64) {
        var random = SeededRandom(seed: seed)
        for _ in 0..<250 {
            let count = Int.random(in: 0...200, using: &random)
            YamuxFuzz.run((0..<count).map { _ in UInt8.random(in: .min ... .max, using: &random) })
        }
    }

    @Test(arguments: 0..<8)
    func almostValidFramesDoNotHarm(seed: UInt64) {
        var random = SeededRandom(seed: 100 + seed)
        for _ in 0..<250 {
            var wire = ByteBuffer(integer: UInt8.random(in: .min ... .max, using: &random))
            for _ in 0..<Int.random(in: 1...30, using: &random) {
                var frame = WireFrame.data(UInt32.random(in: 0...12, using: &random), 0, "")
                frame.type = UInt8.random(in: 0...3, using: &random)
                frame.flags = [0, 0, 1, 1, 2, 4, 8, 5, 15].randomElement(using: &random) ?? 0
                frame.body = [UInt8](repeating: 1, count: Int.random(in: 0...50, using: &random))
                frame.length = UInt32(frame.body.count)
                if frame.type != 0 {
                    frame.body = []
                    frame.length = [0, 1, 0x1002, 262_144, .max - 262_144, .max].randomElement(using: &random) ?? 0
                }
                frame.write(to: &wire)
            }
            var bytes = Array(wire.readableBytesView)
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] ^= 1 << UInt8.random(in: 0...7, using: &random)
            }
            YamuxFuzz.run(bytes)
        }
    }
}
