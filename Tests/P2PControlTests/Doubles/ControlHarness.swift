import LibP2PCore
import LocalIPC
import Logging
import Multiformats
import NIOCore
import NIOEmbedded
import SwiftProtobuf
import Synchronization
import Testing

@testable import P2PControl

/// One daemon: a control server over a network in memory. All of it on one loop that the test turns.
final class ControlHarness {
    let loop: EmbeddedEventLoop
    let network: MemoryNetwork
    let manager: MemoryConnectionManager
    let peerstore = MemoryPeerstore()
    let bridge = MemoryBridge()
    let server: ControlServer
    let persistentCounts = Counts()

    final class Counts: Sendable {
        private let state = Mutex<[Int]>([])
        var all: [Int] { self.state.withLock { $0 } }
        func append(_ count: Int) { self.state.withLock { $0.append(count) } }
    }

    init(
        _ number: UInt8 = 1,
        loop: EmbeddedEventLoop = EmbeddedEventLoop(),
        configure: (inout ControlConfiguration) -> Void = { _ in }
    ) throws {
        self.loop = loop
        self.network = try MemoryNetwork(number: number, eventLoop: loop)
        self.manager = MemoryConnectionManager(eventLoop: loop)
        var configuration = ControlConfiguration()
        configure(&configuration)
        let address = try Multiaddr("/ip4/192.0.2.1/tcp/4001")
        let counts = self.persistentCounts
        self.server = ControlServer(
            services: ControlServices(
                network: self.network,
                connectionManager: self.manager,
                peerstore: self.peerstore,
                bridge: self.bridge,
                advertisedAddresses: { [address] },
                version: "1.2.3",
                agent: "p2pd/1.2.3",
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            ),
            configuration: configuration,
            onPersistentConnectionCountChanged: { counts.append($0) }
        )
    }

    /// Connects a client; `uid` nil is one over TCP.
    func client(uid: UInt32? = 1000, personality: ControlPersonality = .upstream) throws -> HarnessClient {
        let reads = ReadCounter()
        let channel = EmbeddedChannel(handler: reads, loop: self.loop)
        self.server.accept(
            channel,
            credentials: uid.map { PeerCredentials(uid: $0, gid: 100, pid: 1) },
            personality: personality
        )
        let client = HarnessClient(channel: channel, reads: reads)
        self.loop.run()
        if !client.isRefused {
            channel.connect(to: try SocketAddress(unixDomainSocketPath: "/test"), promise: nil)
        }
        return client
    }

    /// A client whose connection has become a persistent one.
    func persistentClient(uid: UInt32? = 1000) throws -> HarnessClient {
        let client = try self.client(uid: uid)
        #expect(try client.ask { $0.type = .persistentConnUpgradeOrPeerstore }.type == .ok)
        return client
    }
}

/// Counts how often the server asks for bytes.
final class ReadCounter: ChannelOutboundHandler, @unchecked Sendable {
    // Unchecked: used on one event loop, which a test drives from one thread.

    typealias OutboundIn = ByteBuffer
    private(set) var count = 0

    func read(context: ChannelHandlerContext) {
        self.count += 1
        context.read()
    }
}

/// The client's end of a control connection.
final class HarnessClient {
    let channel: EmbeddedChannel
    let reads: ReadCounter
    private var received = ByteBuffer()
    /// The server has closed the connection before anything was sent on it.
    private(set) var isRefused = false

    init(channel: EmbeddedChannel, reads: ReadCounter) {
        self.channel = channel
        self.reads = reads
        channel.closeFuture.assumeIsolated().whenComplete { [weak self] _ in self?.isRefused = true }
    }

    deinit {
        // A channel in memory insists on being closed.
        self.channel.close(promise: nil)
        self.channel.embeddedEventLoop.run()
    }

    var isOpen: Bool { self.channel.isActive }

    func send(_ bytes: ByteBuffer) throws {
        try self.channel.writeInbound(bytes)
        self.channel.embeddedEventLoop.run()
    }

    func send(_ bytes: [UInt8]) throws {
        try self.send(ByteBuffer(bytes: bytes))
    }

    /// Ends the client's direction.
    func shutDownWrite() {
        self.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        self.channel.embeddedEventLoop.run()
    }

    /// Vanishes.
    func close() {
        self.channel.close(promise: nil)
        self.channel.embeddedEventLoop.run()
    }

    static func request(_ fill: (inout ProtoRequest) -> Void) throws -> ByteBuffer {
        var request = ProtoRequest()
        fill(&request)
        return try self.frame(request)
    }

    static func frame(_ message: some Message) throws -> ByteBuffer {
        let bytes: [UInt8] = try message.serializedBytes()
        var buffer = ByteBuffer()
        FrameEncoder.writeLength(bytes.count, to: &buffer)
        buffer.writeBytes(bytes)
        return buffer
    }

    func send(_ fill: (inout ProtoRequest) -> Void) throws {
        try self.send(Self.request(fill))
    }

    /// The next message from the server, nil when there is none.
    func next<M: Message>(_: M.Type) throws -> M? {
        while let bytes = try self.channel.readOutbound(as: ByteBuffer.self) {
            self.received.writeImmutableBuffer(bytes)
        }
        var decoder = FrameDecoder(maximumBytes: .max)
        decoder.append(self.received)
        guard case .frame(let frame) = decoder.next() else {
            return nil
        }
        self.received = decoder.takeRemainder()
        return try M(serializedBytes: [UInt8](frame.readableBytesView))
    }

    func answer(sourceLocation: SourceLocation = #_sourceLocation) throws -> ProtoResponse {
        try #require(try self.next(ProtoResponse.self), sourceLocation: sourceLocation)
    }

    /// Sends a request and takes its answer.
    func ask(
        sourceLocation: SourceLocation = #_sourceLocation,
        _ fill: (inout ProtoRequest) -> Void
    ) throws -> ProtoResponse {
        try self.send(fill)
        return try self.answer(sourceLocation: sourceLocation)
    }

    /// Sends a request that fails and gives the text of the error.
    func failure(
        sourceLocation: SourceLocation = #_sourceLocation,
        _ fill: (inout ProtoRequest) -> Void
    ) throws -> String {
        let answer = try self.ask(sourceLocation: sourceLocation, fill)
        #expect(answer.type == .error, sourceLocation: sourceLocation)
        return answer.error.msg
    }

    // Persistent connections.

    func call(_ id: UInt8, _ fill: (inout ProtoPersistentConnectionRequest) -> Void) throws {
        var request = ProtoPersistentConnectionRequest()
        request.callID = .copying([UInt8](repeating: id, count: 16))
        fill(&request)
        try self.send(Self.frame(request))
    }

    func event(
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> ProtoPersistentConnectionResponse {
        try #require(try self.next(ProtoPersistentConnectionResponse.self), sourceLocation: sourceLocation)
    }
}

extension ProtoPersistentConnectionResponse {
    var hasCallUnaryResponse: Bool {
        if case .callUnaryResponse = self.message { true } else { false }
    }

    var hasDaemonError: Bool {
        if case .daemonError = self.message { true } else { false }
    }

    var hasRequestHandling: Bool {
        if case .requestHandling = self.message { true } else { false }
    }
}
