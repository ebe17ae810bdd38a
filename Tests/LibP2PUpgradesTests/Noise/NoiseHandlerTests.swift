import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PUpgrades

@Suite struct NoiseHandlerTests {
    /// Two channels in memory with Noise on both, as the upgrader would set them up.
    final class Pair {
        let loop = EmbeddedEventLoop()
        let dialer: EmbeddedChannel
        let listener: EmbeddedChannel
        let atDialer = Collector()
        let atListener = Collector()
        let dialled: ResultBox<SecuredPeer>
        let accepted: ResultBox<SecuredPeer>
        var chunkBytes = Int.max

        init(expected: PeerID? = NoiseTestKeys.listener.peerID, listener key: PrivateKey = NoiseTestKeys.listener)
            throws
        {
            self.dialer = EmbeddedChannel(loop: self.loop)
            self.listener = EmbeddedChannel(loop: self.loop)
            let address = try SocketAddress(ipAddress: "127.0.0.1", port: 4001)
            try self.dialer.connect(to: address).wait()
            try self.listener.connect(to: address).wait()
            let (dialer, listener, atDialer, atListener) = (self.dialer, self.listener, self.atDialer, self.atListener)
            let accepting = NoiseUpgrade(identity: key)
                .secure(listener, direction: .inbound, expectedPeer: nil, muxers: ["/yamux/1.0.0"])
            let dialling = NoiseUpgrade(identity: NoiseTestKeys.dialer)
                .secure(dialer, direction: .outbound, expectedPeer: expected, muxers: ["/yamux/1.0.0"])
            accepting.assumeIsolated().whenSuccess { _ in
                try? listener.pipeline.syncOperations.addHandler(atListener)
            }
            dialling.assumeIsolated().whenSuccess { _ in
                try? dialer.pipeline.syncOperations.addHandler(atDialer)
                // As a muxer does: within the callback.
                dialer.writeAndFlush(ByteBuffer(string: "first"), promise: nil)
            }
            self.accepted = ResultBox(accepting)
            self.dialled = ResultBox(dialling)
        }

        /// Carries bytes to and fro until both sides are at rest.
        func settle() throws {
            while true {
                self.loop.run()
                let there = try Self.drain(self.dialer)
                let back = try Self.drain(self.listener)
                guard there.readableBytes + back.readableBytes > 0 else { return }
                try self.deliver(there, to: self.listener)
                try self.deliver(back, to: self.dialer)
            }
        }

        static func drain(_ channel: EmbeddedChannel) throws -> ByteBuffer {
            var all = ByteBuffer()
            while var buffer = try channel.readOutbound(as: ByteBuffer.self) { all.writeBuffer(&buffer) }
            return all
        }

        func deliver(_ bytes: ByteBuffer, to channel: EmbeddedChannel) throws {
            var bytes = bytes
            while channel.isActive,
                let chunk = bytes.readSlice(length: min(self.chunkBytes, bytes.readableBytes)), chunk.readableBytes > 0
            {
                try channel.writeInbound(chunk)
            }
        }
    }

    @Test("The handshake and what follows arrive in any cut", arguments: [1, 2, 7, 100, 1_000, Int.max])
    func backToBack(_ chunkBytes: Int) throws {
        let pair = try Pair()
        pair.chunkBytes = chunkBytes

        try pair.settle()
        pair.listener.writeAndFlush(ByteBuffer(string: "answer"), promise: nil)
        try pair.settle()

        #expect(try pair.dialled.result?.get().peerID == NoiseTestKeys.listener.peerID)
        #expect(try pair.accepted.result?.get().peerID == NoiseTestKeys.dialer.peerID)
        #expect(try pair.accepted.result?.get().muxer == "/yamux/1.0.0")
        #expect(pair.atListener.text == "first")
        #expect(pair.atDialer.text == "answer")
    }

    @Test func ourLastHandshakeMessageAndTheFirstDataLeaveTogether() throws {
        let pair = try Pair()
        try pair.deliver(try Pair.drain(pair.dialer), to: pair.listener)
        try pair.deliver(try Pair.drain(pair.listener), to: pair.dialer)

        let flight = try Pair.drain(pair.dialer)
        try pair.deliver(flight, to: pair.listener)

        #expect(try pair.accepted.result?.get() != nil)
        #expect(pair.atListener.text == "first")
    }

    @Test func megabytesPassUnchangedInFewLargeWrites() throws {
        let pair = try Pair()
        try pair.settle()
        let piece = ByteBuffer(bytes: (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        var expected = ByteBuffer(string: "first")
        for _ in 0..<200 {
            pair.dialer.write(piece, promise: nil)
            expected.writeImmutableBuffer(piece)
        }
        pair.dialer.flush()

        var writes: [ByteBuffer] = []
        while let buffer = try pair.dialer.readOutbound(as: ByteBuffer.self) { writes.append(buffer) }
        for write in writes { try pair.deliver(write, to: pair.listener) }

        #expect(writes.count == 8)
        #expect(pair.atListener.received == expected)
    }

    @Test func aWriteIsDoneWhenTheMessageWithItsLastByteIsWritten() throws {
        let pair = try Pair()
        try pair.settle()
        let small = ResultBox<Void>()
        let large = ResultBox<Void>()
        let smallPromise = pair.loop.makePromise(of: Void.self)
        let largePromise = pair.loop.makePromise(of: Void.self)
        smallPromise.futureResult.assumeIsolated().whenComplete { small.result = $0 }
        largePromise.futureResult.assumeIsolated().whenComplete { large.result = $0 }

        pair.dialer.write(ByteBuffer(string: "x"), promise: smallPromise)
        pair.dialer.write(ByteBuffer(repeating: 1, count: 600_000), promise: largePromise)
        #expect(small.result == nil)
        pair.dialer.flush()
        pair.loop.run()

        #expect(try small.result?.get() != nil)
        #expect(try large.result?.get() != nil)
        try pair.settle()
        #expect(pair.atListener.received.readableBytes == 5 + 1 + 600_000)
    }

    @Test func writesThatWereNotSealedFailWithTheChannel() throws {
        let pair = try Pair()
        try pair.settle()
        let result = ResultBox<Void>()
        let promise = pair.loop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { result.result = $0 }

        pair.dialer.write(ByteBuffer(string: "x"), promise: promise)
        pair.dialer.close(promise: nil)
        pair.loop.run()

        #expect(throws: ChannelError.self) { try result.result?.get() }
    }

    @Test func anAlteredByteClosesTheChannelWithOneError() throws {
        let pair = try Pair()
        try pair.settle()
        pair.dialer.writeAndFlush(ByteBuffer(string: "attack at dawn"), promise: nil)
        var bytes = Array(try Pair.drain(pair.dialer).readableBytesView)
        bytes[bytes.count - 1] ^= 1

        try pair.listener.writeInbound(ByteBuffer(bytes: bytes + bytes))
        pair.loop.run()

        #expect(pair.atListener.text == "first")
        #expect(pair.atListener.errors.compactMap { $0 as? NoiseError } == [.decryptionFailed])
        #expect(pair.atListener.isInactive)
        #expect(!pair.listener.isActive)
    }

    @Test func anEndWithinAMessageIsToldApartFromAnEndBetweenMessages() throws {
        let pair = try Pair()
        try pair.settle()
        pair.dialer.writeAndFlush(ByteBuffer(string: "never whole"), promise: nil)
        var bytes = try Pair.drain(pair.dialer)
        bytes.moveWriterIndex(to: bytes.writerIndex - 1)

        try pair.deliver(bytes, to: pair.listener)
        pair.listener.close(promise: nil)
        pair.dialer.close(promise: nil)
        pair.loop.run()

        #expect(pair.atListener.errors.compactMap { $0 as? NoiseError } == [.truncated])
        #expect(pair.atDialer.errors.isEmpty)
    }

    @Test func theWrongPeerClosesTheChannel() throws {
        let pair = try Pair(expected: NoiseTestKeys.stranger.peerID)

        try pair.settle()

        #expect(
            throws: SecurityError.peerIDMismatch(
                expected: NoiseTestKeys.stranger.peerID,
                actual: NoiseTestKeys.listener.peerID
            )
        ) { _ = try pair.dialled.result?.get() }
        #expect(!pair.dialer.isActive)
    }

    @Test(
        "Garbage in place of a handshake closes the channel",
        arguments: [
            [0xFF, 0xFF], [0x40, 0x01], [0x00, 0x00], [0x00, 0x01, 0x00],
            [0x00, 0x1F] + [UInt8](repeating: 9, count: 31),
        ]
    )
    func garbage(_ bytes: [UInt8]) throws {
        let pair = try Pair()

        try pair.listener.writeInbound(ByteBuffer(bytes: bytes))
        pair.loop.run()

        #expect(throws: SecurityError.self) { _ = try pair.accepted.result?.get() }
        #expect(!pair.listener.isActive)
    }

    @Test func theEndOfTheChannelEndsTheHandshake() throws {
        let pair = try Pair()

        pair.listener.close(promise: nil)
        pair.loop.run()

        #expect(throws: SecurityError.channelClosed) { _ = try pair.accepted.result?.get() }
    }
}
