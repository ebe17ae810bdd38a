import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PProtocols

@Suite final class EchoTests {
    private let loop = EmbeddedEventLoop()
    private let network: MemoryNetwork
    private let dialed: MemoryConnection

    init() throws {
        let alice = MemoryNetwork(identity: try .generate(.ed25519), eventLoop: self.loop)
        self.network = MemoryNetwork(identity: try .generate(.ed25519), eventLoop: self.loop)
        let address = try Multiaddr("/ip4/127.0.0.1/tcp/1")
        self.dialed = alice.connect(self.network, id: 1, from: address, to: address).dialed
        Echo(network: self.network).start()
    }

    @Test func everyByteComesBackAlsoAfterTheEndOfOurDirection() throws {
        let stream = try self.dialed.openStream([Echo.protocolID], timeout: .seconds(1)).wait()
        let recorder = RecordingDelegate(stream.muxed)
        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }

        stream.write(ByteBuffer(bytes: bytes))
        stream.closeWrite()
        self.loop.run()

        #expect(recorder.received == bytes)
        #expect(recorder.remoteClosedWrite)
        #expect(recorder.closeReason == .finished)
    }

    @Test func whoDoesNotReadCannotSendMoreThanTwoWindows() throws {
        let stream = try self.dialed.openStream([Echo.protocolID], timeout: .seconds(1)).wait()
        let recorder = RecordingDelegate(stream.muxed, returnsCredit: false)

        for _ in 0..<1000 {
            stream.write(ByteBuffer(repeating: 1, count: 1024))
        }
        self.loop.run()

        #expect(stream.muxed.pendingWriteBytes == 1000 * 1024 - 2 * 262_144)
        #expect(recorder.received.count == 262_144)
    }

    @Test func aResetEndsTheEcho() throws {
        let stream = try self.dialed.openStream([Echo.protocolID], timeout: .seconds(1)).wait()
        let recorder = RecordingDelegate(stream.muxed)
        stream.write(ByteBuffer(string: "x"))
        stream.reset(.noError)
        self.loop.run()

        #expect(recorder.closeReason == .resetLocally(.noError))
    }
}
