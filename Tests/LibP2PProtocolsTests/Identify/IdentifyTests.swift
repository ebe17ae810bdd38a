import LibP2PCore
import Logging
import Multiformats
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import LibP2PProtocols

@Suite final class IdentifyTests {
    private let loop = EmbeddedEventLoop()
    private let alice: Node
    private let bob: Node

    private struct Node {
        let network: MemoryNetwork
        let store: MemoryPeerstore
        let identify: Identify
        let events: Events

        init(_ loop: EmbeddedEventLoop, agent: String, _ addresses: [String]) throws {
            let key = try PrivateKey.generate(.ed25519)
            let listen = try addresses.map { try Multiaddr($0) }
            let network = MemoryNetwork(identity: key, eventLoop: loop, listenAddresses: listen)
            self.network = network
            self.store = MemoryPeerstore()
            self.events = Events(network)
            var configuration = IdentifyConfiguration(identity: key, agentVersion: agent)
            configuration.streamsPerPeer = 100
            self.identify = Identify(
                configuration: configuration,
                network: network,
                peerstore: self.store,
                addresses: { listen + $0 },
                eventLoop: loop,
                logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
            )
        }
    }

    /// The outcomes of identify that a network tells of.
    private final class Events: Sendable {
        private let outcomes = Mutex<[Bool]>([])
        private let changes = Mutex(0)

        init(_ network: MemoryNetwork) {
            _ = network.events.subscribe { [weak self] event in
                switch event {
                case .identified(_, connection: _, let succeeded): self?.outcomes.withLock { $0.append(succeeded) }
                case .localStateChanged: self?.changes.withLock { $0 += 1 }
                case .connectionOpened, .connectionClosed: break
                }
            }
        }

        var identified: [Bool] { self.outcomes.withLock { $0 } }
        var localChanges: Int { self.changes.withLock { $0 } }
    }

    init() throws {
        self.alice = try Node(self.loop, agent: "alice/1", ["/ip4/8.8.8.8/tcp/1", "/ip4/10.0.0.1/tcp/1"])
        self.bob = try Node(self.loop, agent: "bob/1", ["/ip4/9.9.9.9/tcp/2", "/ip4/127.0.0.1/tcp/2"])
    }

    deinit {
        self.alice.identify.stop()
        self.bob.identify.stop()
        self.loop.run()
    }

    private func connect(id: UInt64 = 1) throws -> (dialed: MemoryConnection, accepted: MemoryConnection) {
        self.alice.network.connect(
            self.bob.network,
            id: id,
            from: try Multiaddr("/ip4/8.8.8.8/tcp/50000"),
            to: try Multiaddr("/ip4/9.9.9.9/tcp/2")
        )
    }

    private func isDone(_ future: EventLoopFuture<Void>) -> Bool {
        let done = Mutex(false)
        let box = Box(done: done)
        future.whenComplete { _ in box.done.withLock { $0 = true } }
        self.loop.run()
        return box.done.withLock { $0 }
    }

    private final class Box: Sendable {
        let done: Mutex<Bool>
        init(done: consuming Mutex<Bool>) { self.done = done }
    }

    @Test func bothSidesLearnOfEachOther() throws {
        self.alice.identify.start()
        self.bob.identify.start()
        let (dialed, accepted) = try self.connect()
        self.loop.run()

        #expect(self.alice.store.agentVersion(of: dialed.remotePeer) == "bob/1")
        #expect(self.bob.store.agentVersion(of: accepted.remotePeer) == "alice/1")
        #expect(self.alice.store.protocols(of: dialed.remotePeer) == self.bob.network.protocols)
        #expect(
            self.bob.store.addresses(of: accepted.remotePeer, now: self.loop.now)
                == [try Multiaddr("/ip4/8.8.8.8/tcp/1")]
        )
        #expect(self.bob.store.signedRecord(of: accepted.remotePeer) != nil)
        #expect(self.alice.events.identified == [true])
        #expect(self.isDone(self.alice.identify.identified(dialed)))
    }

    @Test func aPeerThatDoesNotSpeakIdentifyIsDoneWithAtOnce() throws {
        self.alice.identify.start()
        let (dialed, _) = try self.connect()

        #expect(self.isDone(self.alice.identify.identified(dialed)))
        #expect(self.alice.events.identified == [false])
    }

    @Test func aPeerThatSaysNothingIsCutOffAfterFiveSeconds() throws {
        self.alice.identify.start()
        self.bob.network.setHandler(for: Identify.protocolID) { _ in }
        let (dialed, _) = try self.connect()
        let future = self.alice.identify.identified(dialed)

        self.loop.advanceTime(by: .milliseconds(4999))
        #expect(!self.isDone(future))
        self.loop.advanceTime(by: .milliseconds(1))

        #expect(self.isDone(future))
        #expect(self.alice.events.identified == [false])
    }

    @Test func theEndOfTheConnectionEndsTheWait() throws {
        self.alice.identify.start()
        self.bob.network.setHandler(for: Identify.protocolID) { _ in }
        let (dialed, _) = try self.connect()
        let future = self.alice.identify.identified(dialed)
        #expect(!self.isDone(future))

        _ = dialed.close(.noError)

        #expect(self.isDone(future))
        #expect(self.isDone(self.alice.identify.identified(dialed)))
        self.loop.advanceTime(by: .seconds(6))
    }

    @Test func garbageIsResetAndNothingOfItIsKept() throws {
        self.alice.identify.start()
        let streams = Mutex<[LibP2PCore.Stream]>([])
        let box = StreamBox(streams)
        self.bob.network.setHandler(for: Identify.protocolID) { stream in
            stream.write(ByteBuffer(bytes: [3, 0xff, 0xff, 0xff]))
            box.add(stream)
        }
        let (dialed, _) = try self.connect()
        self.loop.run()

        #expect((box.first?.muxed as? MemoryStream)?.hasEnded == true)
        #expect(self.alice.events.identified == [false])
        #expect(self.alice.store.protocols(of: dialed.remotePeer).isEmpty)
    }

    @Test func aForeignKeyVoidsWhatIsSaid() throws {
        self.alice.identify.start()
        let other = try PrivateKey.generate(.ed25519).publicKey.protobuf
        self.bob.network.setHandler(for: Identify.protocolID) { stream in
            let message = IdentifyMessage(agentVersion: "liar", publicKey: other, protocols: ["/x"])
            stream.write(ByteBuffer(bytes: IdentifyWriter.encode(message)))
            stream.closeWrite()
        }
        let (dialed, _) = try self.connect()
        self.loop.run()

        #expect(self.alice.events.identified == [false])
        #expect(self.alice.store.agentVersion(of: dialed.remotePeer) == nil)
    }

    @Test func manyChangesArePushedOnce() throws {
        self.alice.identify.start()
        self.bob.identify.start()
        let (dialed, accepted) = try self.connect()
        self.loop.run()

        for number in 0..<50 {
            self.alice.network.setHandler(for: ProtocolID("/new/\(number)")) { _ in }
        }
        self.loop.advanceTime(by: .seconds(1))

        #expect(dialed.streamsOpened.filter { $0 == Identify.pushProtocolID }.count == 1)
        #expect(self.bob.store.protocols(of: accepted.remotePeer) == self.alice.network.protocols)
    }

    @Test func whoDoesNotTakePushesGetsNone() throws {
        self.alice.identify.start()
        self.bob.identify.start()
        self.bob.network.removeHandler(for: Identify.pushProtocolID)
        let (dialed, _) = try self.connect()
        self.loop.run()

        self.alice.network.setHandler(for: "/new") { _ in }
        self.loop.advanceTime(by: .seconds(1))

        #expect(!dialed.streamsOpened.contains(Identify.pushProtocolID))
    }

    @Test func atMost32PushesRunAtATime() throws {
        self.alice.identify.start()
        self.bob.identify.start()
        let connections = try (1...40).map { try self.connect(id: $0).dialed }
        self.loop.run()
        // Takes pushes and never ends them.
        self.bob.network.setHandler(for: Identify.pushProtocolID) { _ in }

        self.alice.network.setHandler(for: "/new") { _ in }
        self.loop.advanceTime(by: .seconds(1))
        let pushes = { connections.reduce(0) { $0 + $1.streamsOpened.filter { $0 == Identify.pushProtocolID }.count } }
        #expect(pushes() == 32)

        self.loop.advanceTime(by: .seconds(5))
        #expect(pushes() == 40)
        self.loop.advanceTime(by: .seconds(6))
    }

    @Test func aFloodOfPushesIsCutOff() throws {
        self.alice.identify.start()
        self.bob.identify.start()
        let (dialed, _) = try self.connect()
        self.loop.run()

        var codes: [StreamErrorCode?] = []
        for _ in 0..<12 {
            let stream = try dialed.openStream([Identify.pushProtocolID], timeout: .seconds(1)).wait()
            let recorder = RecordingDelegate(stream.muxed)
            stream.write(ByteBuffer(bytes: IdentifyWriter.encode(IdentifyMessage(agentVersion: "x"))))
            stream.closeWrite()
            self.loop.run()
            if case .resetByPeer(let code) = recorder.closeReason { codes.append(code) } else { codes.append(nil) }
        }

        #expect(codes.prefix(10).allSatisfy { $0 == nil })
        #expect(codes.suffix(2).allSatisfy { $0 == .rateLimited })
    }

    @Test func aPartialPushLeavesTheRestAsItWas() throws {
        self.alice.identify.start()
        self.bob.identify.start()
        let (dialed, accepted) = try self.connect()
        self.loop.run()
        let before = self.bob.store.protocols(of: accepted.remotePeer)

        let stream = try dialed.openStream([Identify.pushProtocolID], timeout: .seconds(1)).wait()
        stream.write(ByteBuffer(bytes: IdentifyWriter.encode(IdentifyMessage(agentVersion: "alice/2"))))
        stream.closeWrite()
        self.loop.run()

        #expect(self.bob.store.agentVersion(of: accepted.remotePeer) == "alice/2")
        #expect(self.bob.store.protocols(of: accepted.remotePeer) == before)
    }

    @Test func addressesStayWhereTheyCanBeReached() throws {
        self.alice.identify.start()
        self.bob.identify.start()
        self.bob.network.connect(
            self.alice.network,
            id: 7,
            from: try Multiaddr("/ip4/127.0.0.1/tcp/50000"),
            to: try Multiaddr("/ip4/127.0.0.1/tcp/1")
        )
        self.loop.run()
        let overLoopback = self.bob.store.addresses(of: self.alice.network.localPeer, now: self.loop.now)
        let bobs = self.alice.store.addresses(of: self.bob.network.localPeer, now: self.loop.now)

        #expect(
            Set(overLoopback.map(\.description)) == [
                "/ip4/127.0.0.1/tcp/1", "/ip4/8.8.8.8/tcp/1", "/ip4/10.0.0.1/tcp/1",
            ]
        )
        #expect(bobs.map(\.description) == ["/ip4/9.9.9.9/tcp/2", "/ip4/127.0.0.1/tcp/2"])
    }
}

private final class StreamBox: Sendable {
    private let streams: Mutex<[LibP2PCore.Stream]>
    init(_ streams: consuming Mutex<[LibP2PCore.Stream]>) { self.streams = streams }
    func add(_ stream: LibP2PCore.Stream) { self.streams.withLock { $0.append(stream) } }
    var first: LibP2PCore.Stream? { self.streams.withLock { $0.first } }
}
