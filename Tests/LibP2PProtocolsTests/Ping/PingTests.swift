import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PProtocols

@Suite final class PingTests {
    private let loop = EmbeddedEventLoop()
    private let alice: MemoryNetwork
    private let bob: MemoryNetwork
    private let dialed: MemoryConnection

    init() throws {
        self.alice = MemoryNetwork(identity: try .generate(.ed25519), eventLoop: self.loop)
        self.bob = MemoryNetwork(identity: try .generate(.ed25519), eventLoop: self.loop)
        let address = try Multiaddr("/ip4/127.0.0.1/tcp/1")
        self.dialed = self.alice.connect(self.bob, id: 1, from: address, to: address).dialed
    }

    private func open() throws -> (stream: LibP2PCore.Stream, recorder: RecordingDelegate) {
        let stream = try self.dialed.openStream([Ping.protocolID], timeout: .seconds(1)).wait()
        let recorder = RecordingDelegate(stream.muxed)
        self.loop.run()
        return (stream, recorder)
    }

    @Test func pingsAskedForTogetherShareAStream() throws {
        Ping(network: self.bob).start()
        let client = Ping(network: self.alice)

        let first = client.ping(self.dialed)
        let second = client.ping(self.dialed)
        self.loop.run()

        #expect(try first.wait() == .zero)
        #expect(try second.wait() == .zero)
        #expect(self.dialed.streamsOpened.count == 1)

        let third = client.ping(self.dialed)
        self.loop.run()
        #expect(try third.wait() == .zero)
        #expect(self.dialed.streamsOpened.count == 2)
    }

    @Test func theRoundTripIsTheTimeBetweenSendingAndReceiving() {
        var machine = PingClientMachine(payload: [UInt8](repeating: 7, count: 32))
        let start = NIODeadline.uptimeNanoseconds(5)
        let payload = machine.send(now: start)

        let part = machine.receive(ByteBuffer(bytes: payload.prefix(20)), now: start + .seconds(1))
        let whole = machine.receive(ByteBuffer(bytes: payload.suffix(12)), now: start + .seconds(2))
        let more = machine.receive(ByteBuffer(bytes: [1]), now: start + .seconds(3))

        #expect(part == .awaitMore)
        #expect(whole == .succeed(.seconds(2)))
        #expect(more == .resetStream)
    }

    @Test(arguments: [[UInt8](repeating: 8, count: 32), [UInt8](repeating: 7, count: 33)])
    func anotherAnswerResetsTheStream(answer: [UInt8]) {
        var machine = PingClientMachine(payload: [UInt8](repeating: 7, count: 32))
        _ = machine.send(now: .uptimeNanoseconds(5))

        let result = machine.receive(ByteBuffer(bytes: answer), now: .uptimeNanoseconds(6))

        #expect(result == .resetStream)
    }

    @Test func anUnansweredPingFailsAfterTenSeconds() throws {
        self.bob.setHandler(for: Ping.protocolID) { _ in }
        let future = Ping(network: self.alice).ping(self.dialed)

        self.loop.advanceTime(by: .seconds(10))

        #expect(throws: PingError.timedOut) { try future.wait() }
    }

    @Test func wholePayloadsComeBackAndTheRestWaits() throws {
        Ping(network: self.bob).start()
        let (stream, recorder) = try self.open()
        let bytes = (0..<100).map { UInt8($0) }

        stream.write(ByteBuffer(bytes: bytes.prefix(70)))
        self.loop.run()
        #expect(recorder.received == Array(bytes.prefix(64)))

        stream.write(ByteBuffer(bytes: bytes.suffix(30)))
        stream.closeWrite()
        self.loop.run()
        #expect(recorder.received == Array(bytes.prefix(96)))
        #expect(recorder.closeReason == .finished)
    }

    @Test func aThirdStreamOfAPeerIsRefusedUntilOneEnds() throws {
        Ping(network: self.bob).start()
        let first = try self.open()
        let second = try self.open()
        let third = try self.open()

        #expect(first.recorder.closeReason == nil)
        #expect(second.recorder.closeReason == nil)
        #expect(third.recorder.closeReason == .resetByPeer(.resourceLimitExceeded))

        first.stream.closeWrite()
        self.loop.run()
        let fourth = try self.open()
        #expect(fourth.recorder.closeReason == nil)
    }

    @Test func aStreamWithoutPingsIsResetAfterThirtySeconds() throws {
        Ping(network: self.bob).start()
        let (stream, recorder) = try self.open()

        self.loop.advanceTime(by: .seconds(20))
        stream.write(ByteBuffer(bytes: [UInt8](repeating: 1, count: 32)))
        self.loop.run()
        self.loop.advanceTime(by: .seconds(29))
        #expect(recorder.closeReason == nil)

        self.loop.advanceTime(by: .seconds(1))
        #expect(recorder.closeReason == .resetByPeer(.noError))
    }

    @Test func whoDoesNotReadTheAnswersCannotPileThemUp() throws {
        Ping(network: self.bob).start()
        let stream = try self.dialed.openStream([Ping.protocolID], timeout: .seconds(1)).wait()
        let recorder = RecordingDelegate(stream.muxed, returnsCredit: false)
        for _ in 0..<4096 {
            stream.write(ByteBuffer(repeating: 1, count: 1024))
        }
        self.loop.run()

        // One window back and one there were taken; the rest waits at the sender.
        #expect(recorder.received.count == 262_144)
        #expect(stream.muxed.pendingWriteBytes == 4096 * 1024 - 2 * 262_144)
    }
}
