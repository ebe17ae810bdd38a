import LibP2PCore
import LibP2PUpgrades
import Logging
import Multiformats
import NIOCore
import NIOEmbedded

@testable import LibP2PSwarm

/// Hosts in memory on virtual time.
final class TestNet {
    let loop = EmbeddedEventLoop()
    let network: FakeNetwork
    private(set) var nodes: [TestNode] = []

    init() {
        self.network = FakeNetwork(loop: self.loop)
    }

    func node(
        _ key: PublicKey? = nil,
        limits: ResourceLimits = .unlimited,
        gater: any ConnectionGater = OpenGater(),
        resolver: FakeResolver = FakeResolver(),
        configure: (inout SwarmConfiguration) -> Void = { _ in }
    ) throws -> TestNode {
        var configuration = SwarmConfiguration()
        configure(&configuration)
        let key = try key ?? PrivateKey.generate(.ed25519).publicKey
        let transport = FakeTransport(network: self.network, key: key)
        let store = MemoryPeerstore()
        let swarm = Swarm(
            localPeer: key.peerID,
            transports: [transport],
            peerstore: store,
            resolver: resolver,
            resources: ResourceManager(limits: limits),
            gater: gater,
            negotiation: StreamNegotiator(),
            group: self.loop,
            configuration: configuration,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        )
        let node = TestNode(swarm: swarm, peer: key.peerID, store: store, transport: transport)
        self.nodes.append(node)
        return node
    }

    /// Two nodes, the one with the smaller peer ID first, each listening.
    func twoNodes(configure: (inout SwarmConfiguration) -> Void = { _ in }) throws -> (
        smaller: TestNode, larger: TestNode
    ) {
        let keys = try [PrivateKey.generate(.ed25519).publicKey, PrivateKey.generate(.ed25519).publicKey]
            .sorted { $0.peerID.bytes.lexicographicallyPrecedes($1.peerID.bytes) }
        let (first, second) = (
            try self.node(keys[0], configure: configure), try self.node(keys[1], configure: configure)
        )
        self.listen(first, 1)
        self.listen(second, 2)
        return (first, second)
    }

    func listen(_ node: TestNode, _ port: UInt16) {
        _ = node.swarm.listen(on: [.example(port)])
        self.loop.run()
    }

    func advance(_ time: TimeAmount) {
        self.loop.advanceTime(by: time)
    }

    /// Closes everything; a test ends with it so that no promise is left behind.
    func tearDown() {
        for node in self.nodes { _ = node.swarm.close() }
        self.loop.advanceTime(by: .minutes(2))
    }
}

struct TestNode {
    let swarm: Swarm
    let peer: PeerID
    let store: MemoryPeerstore
    let transport: FakeTransport

    /// Begins to connect and writes down how it ends.
    func connect(
        to peer: PeerID,
        _ addresses: [Multiaddr] = [],
        timeout: TimeAmount = .seconds(60)
    ) -> Outcome<any Connection> {
        Outcome(self.swarm.connect(to: peer, addresses: addresses, timeout: timeout))
    }

    func open(to peer: PeerID, _ protocols: [ProtocolID], timeout: TimeAmount = .seconds(60)) -> Outcome<Stream> {
        Outcome(self.swarm.openStream(to: peer, protocols: protocols, timeout: timeout))
    }
}

/// How a future ended, and how often.
final class Outcome<Value: Sendable>: @unchecked Sendable {
    // Unchecked: used on the one embedded loop of the test only.

    private(set) var completions = 0
    private(set) var result: Result<Value, any Error>?

    init(_ future: EventLoopFuture<Value>) {
        future.whenComplete { result in
            self.completions += 1
            self.result = result
        }
    }

    var value: Value? { try? self.result?.get() }

    var error: NetworkError? {
        if case .failure(let error) = self.result { error as? NetworkError } else { nil }
    }
}

/// Writes down the data and the end of a stream.
final class Recorder: MuxedStreamDelegate, @unchecked Sendable {
    // Unchecked: used on the one embedded loop of the test only.

    private(set) var received = ""
    private(set) var isRemoteClosed = false
    private(set) var end: StreamCloseReason?

    func streamReceived(_ data: ByteBuffer) { self.received += String(buffer: data) }
    func streamRemoteClosedWrite() { self.isRemoteClosed = true }
    func streamWritabilityChanged(_ isWritable: Bool) {}
    func streamClosed(_ reason: StreamCloseReason) { self.end = reason }
}

func address(_ text: String) -> Multiaddr {
    do {
        return try Multiaddr(text)
    } catch {
        preconditionFailure("an address of a test is well-formed: \(error)")
    }
}
