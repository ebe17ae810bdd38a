import NIOCore
import Testing

@testable import P2PControl

@Suite struct FrameDecoderTests {
    private static func buffer(_ bytes: [UInt8]) -> ByteBuffer { ByteBuffer(bytes: bytes) }

    @Test func framesComeOutWhateverTheCutOfTheBytes() {
        let bytes: [UInt8] = [3, 1, 2, 3, 0, 0x81, 0x01] + [UInt8](repeating: 7, count: 129)

        for size in 1...bytes.count {
            var decoder = FrameDecoder(maximumBytes: 1000)
            var frames: [[UInt8]] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                decoder.append(Self.buffer(Array(bytes[start..<min(start + size, bytes.count)])))
                while case .frame(let frame) = decoder.next() {
                    frames.append(Array(frame.readableBytesView))
                }
            }
            #expect(frames == [[1, 2, 3], [], [UInt8](repeating: 7, count: 129)])
        }
    }

    @Test(arguments: [(99, true), (100, true), (101, false)])
    func aFrameMayHaveExactlyTheMaximum(_ length: Int, _ isAllowed: Bool) {
        var decoder = FrameDecoder(maximumBytes: 100)

        decoder.append(Self.buffer([UInt8(length)] + [UInt8](repeating: 0, count: length)))

        let next = decoder.next()
        if isAllowed {
            #expect(next == .frame(Self.buffer([UInt8](repeating: 0, count: length))))
        } else {
            #expect(next == .violation(.tooLong(UInt64(length))))
            #expect(decoder.next() == next)
        }
    }

    @Test func aLengthThatIsTooLongIsKnownBeforeTheBytesCome() {
        var decoder = FrameDecoder(maximumBytes: 4_194_304)

        decoder.append(Self.buffer([0x81, 0x80, 0x80, 0x02]))

        #expect(decoder.next() == .violation(.tooLong(4_194_305)))
    }

    @Test func lengthsThatNoNumberHoldsAreViolations() {
        for bytes in [[UInt8](repeating: 0x80, count: 11), [UInt8](repeating: 0xff, count: 10)] {
            var decoder = FrameDecoder(maximumBytes: 100)
            decoder.append(Self.buffer(bytes))
            #expect(decoder.next() == .violation(.malformedLength))
        }
        var largest = FrameDecoder(maximumBytes: 100)
        largest.append(Self.buffer([UInt8](repeating: 0xff, count: 9) + [1]))
        #expect(largest.next() == .violation(.tooLong(.max)))
    }

    @Test func lengthsThatAreNotMinimalAreTaken() {
        var decoder = FrameDecoder(maximumBytes: 100)

        decoder.append(Self.buffer([0x81, 0x00, 9]))

        #expect(decoder.next() == .frame(Self.buffer([9])))
    }

    @Test func whatIsLeftIsHandedOver() {
        var decoder = FrameDecoder(maximumBytes: 100)
        decoder.append(Self.buffer([1, 9, 0xff, 0xff, 0xff]))

        #expect(decoder.next() == .frame(Self.buffer([9])))
        #expect(decoder.takeRemainder() == Self.buffer([0xff, 0xff, 0xff]))
        #expect(decoder.next() == .needsMoreBytes)
    }
}
