import LibP2PCore
import NIOCore
import Testing

@testable import LibP2PUpgrades

@Suite struct NoiseTransportTests {
    private static let key = SecretBytes(copying: [UInt8](repeating: 0x4B, count: 32))

    private func pair(nonce: UInt64 = 0) throws -> (NoiseSealer, NoiseOpener) {
        (
            NoiseSealer(try NoiseCipherState(key: Self.key, nonce: nonce)),
            NoiseOpener(try NoiseCipherState(key: Self.key, nonce: nonce))
        )
    }

    /// The plaintext sizes of the messages in `frames`.
    private func messageSizes(_ frames: ByteBuffer) -> [Int] {
        var frames = frames
        var sizes: [Int] = []
        while let length = frames.readInteger(as: UInt16.self) {
            frames.moveReaderIndex(forwardBy: Int(length))
            sizes.append(Int(length) - 16)
        }
        return sizes
    }

    private func pattern(_ count: Int, _ salt: Int = 0) -> ByteBuffer {
        ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8 &+ salt) })
    }

    @Test func smallPiecesShareOneMessage() throws {
        var (sealer, opener) = try self.pair()

        let frames = try sealer.seal([ByteBuffer(string: "a"), ByteBuffer(string: ""), ByteBuffer(string: "bc")])

        #expect(self.messageSizes(frames) == [3])
        #expect(String(buffer: opener.open(frames).plaintext) == "abc")
    }

    @Test("Messages are cut at 65519 bytes", arguments: [65_518, 65_519, 65_520, 131_038, 200_000])
    func fullMessages(_ count: Int) throws {
        var (sealer, opener) = try self.pair()
        let pieces = stride(from: 0, to: count, by: 1_000).map { self.pattern(min(1_000, count - $0), $0) }

        let frames = try sealer.seal(pieces)

        var sizes = [Int](repeating: 65_519, count: count / 65_519)
        if count % 65_519 > 0 { sizes.append(count % 65_519) }
        #expect(self.messageSizes(frames) == sizes)
        #expect(opener.open(frames).plaintext == pieces.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) })
    }

    @Test func largePiecesBecomeMessagesOfTheirOwn() throws {
        var (sealer, opener) = try self.pair()
        let pieces = [self.pattern(12), self.pattern(65_536, 1), self.pattern(12, 2), self.pattern(40_000, 3)]

        let frames = try sealer.seal(pieces)

        #expect(self.messageSizes(frames) == [12, 65_519, 29, 40_000])
        #expect(opener.open(frames).plaintext == pieces.reduce(into: ByteBuffer()) { $0.writeImmutableBuffer($1) })
    }

    @Test("Any pieces in, any chunks out: the bytes stay the same", arguments: (1...30).map { UInt64($0) })
    func randomPiecesAndChunks(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        var (sealer, opener) = try self.pair()
        var sent = ByteBuffer()
        var received = ByteBuffer()

        for _ in 0..<8 {
            let pieces = (0..<Int.random(in: 1...6, using: &random)).map { salt in
                let most = [3, 100, 5_000, 70_000][Int.random(in: 0..<4, using: &random)]
                return self.pattern(Int.random(in: 0...most, using: &random), salt)
            }
            for piece in pieces { sent.writeImmutableBuffer(piece) }
            var wire = try sealer.seal(pieces)
            let most = [1_500, 16_384, 65_536, 200_000][Int.random(in: 0..<4, using: &random)]
            while wire.readableBytes > 0 {
                let chunk = wire.readSlice(length: min(wire.readableBytes, Int.random(in: 1...most, using: &random)))
                let (plaintext, failure) = opener.open(try #require(chunk))
                #expect(failure == nil)
                received.writeImmutableBuffer(plaintext)
            }
        }

        #expect(received == sent)
        #expect(!opener.isWithinMessage)
    }

    @Test func aMessageMayComeByteByByte() throws {
        var (sealer, opener) = try self.pair()
        let frames = try sealer.seal([ByteBuffer(string: "hello")])
        var received = ByteBuffer()

        for byte in frames.readableBytesView {
            received.writeImmutableBuffer(opener.open(ByteBuffer(bytes: [byte])).plaintext)
        }

        #expect(String(buffer: received) == "hello")
    }

    @Test func messagesWithoutPlaintextAreSkipped() throws {
        var (sealer, opener) = try self.pair()
        var empty = ByteBuffer(bytes: [0x00, 0x10] + [UInt8](repeating: 0, count: 16))
        let cipher = try ChaCha20Poly1305(key: Self.key)
        try empty.withUnsafeMutableReadableBytes { bytes in
            try cipher.seal(UnsafeMutableRawBufferPointer(rebasing: bytes[2...]), plaintextCount: 0, nonce: 0)
        }
        _ = try sealer.seal([ByteBuffer(string: "uses up the first nonce")])
        var (plaintext, failure) = opener.open(empty)
        #expect(plaintext.readableBytes == 0)
        #expect(failure == nil)

        (plaintext, failure) = opener.open(try sealer.seal([ByteBuffer(string: "next")]))

        #expect(String(buffer: plaintext) == "next")
    }

    @Test func anAlteredMessageYieldsWhatStoodBeforeItAndNothingAfter() throws {
        var (sealer, opener) = try self.pair()
        var wire = try sealer.seal([ByteBuffer(string: "good")])
        var bad = Array(try sealer.seal([ByteBuffer(string: "evil")]).readableBytesView)
        bad[3] ^= 0x80
        wire.writeBytes(bad)
        wire.writeImmutableBuffer(try sealer.seal([ByteBuffer(string: "late")]))

        let (plaintext, failure) = opener.open(wire)

        #expect(String(buffer: plaintext) == "good")
        #expect(failure == .decryptionFailed)
    }

    @Test func replayedAndSwappedMessagesAreRefused() throws {
        var (sealer, opener) = try self.pair()
        let first = try sealer.seal([ByteBuffer(string: "first")])
        let second = try sealer.seal([ByteBuffer(string: "second")])
        var other = opener

        #expect(other.open(second).failure == .decryptionFailed)
        #expect(opener.open(first).failure == nil)
        #expect(opener.open(first).failure == .decryptionFailed)
    }

    @Test("Messages too short for their tag are refused at once", arguments: [0, 1, 15] as [UInt8])
    func shortMessages(_ length: UInt8) throws {
        var (_, opener) = try self.pair()

        #expect(opener.open(ByteBuffer(bytes: [0, length])).failure == .messageTooShort)
        var (_, slow) = try self.pair()
        #expect(slow.open(ByteBuffer(bytes: [0])).failure == nil)
        #expect(slow.open(ByteBuffer(bytes: [length])).failure == .messageTooShort)
    }

    @Test func theLastNonceIsNeverUsed() throws {
        var (sealer, opener) = try self.pair(nonce: .max - 1)

        let last = try sealer.seal([ByteBuffer(string: "last")])

        #expect(throws: NoiseError.nonceExhausted) { _ = try sealer.seal([ByteBuffer(string: "too late")]) }
        #expect(String(buffer: opener.open(last).plaintext) == "last")
        #expect(opener.open(last).failure == .nonceExhausted)
    }

    @Test("Hostile transport bytes never trap", arguments: [0x5EED_0061] as [UInt64])
    func hostileBytes(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        for _ in 0..<3_000 {
            var (sealer, opener) = try self.pair()
            var bytes = Array(try sealer.seal([self.pattern(40), self.pattern(3)]).readableBytesView)
            for _ in 0..<Int.random(in: 0...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: .min ... .max, using: &random)
            }
            var rest = ByteBuffer(bytes: bytes)
            while let chunk = rest.readSlice(length: min(rest.readableBytes, Int.random(in: 1...50, using: &random))),
                chunk.readableBytes > 0
            {
                if opener.open(chunk).failure != nil { break }
            }
        }
    }
}
