public import LibP2PCore
public import Logging
public import Multiformats
public import NIOCore

/// As which daemon a control socket behaves; decided by how p2pd was started.
public enum ControlPersonality: String, Sendable, Hashable {
    /// Started like hivemind's fork of go-libp2p-daemon.
    case hivemind
    /// Socket-activated.
    case systemd
    /// Started like go-libp2p-daemon.
    case upstream
}

/// What control clients are served with. All of it is usable from any thread.
public struct ControlServices: Sendable {
    public var network: any Network
    public var connectionManager: any ConnectionManager
    public var peerstore: any Peerstore
    public var bridge: any StreamBridge
    /// The host's addresses as identify tells them, without `/p2p/…`. Called on any thread, for every IDENTIFY.
    public var advertisedAddresses: @Sendable () -> [Multiaddr]
    /// The daemon's version, such as `1.2.3`.
    public var version: String
    /// What identify tells peers of us.
    public var agent: String
    /// How long CONNECT waits, once connected, for identify to end; zero where no identify runs.
    public var identifyWait: TimeAmount
    public var logger: Logger

    public init(
        network: any Network,
        connectionManager: any ConnectionManager,
        peerstore: any Peerstore,
        bridge: any StreamBridge,
        advertisedAddresses: @escaping @Sendable () -> [Multiaddr],
        version: String,
        agent: String,
        identifyWait: TimeAmount = .seconds(5),
        logger: Logger
    ) {
        self.network = network
        self.connectionManager = connectionManager
        self.peerstore = peerstore
        self.bridge = bridge
        self.advertisedAddresses = advertisedAddresses
        self.version = version
        self.agent = agent
        self.identifyWait = identifyWait
        self.logger = logger
    }
}

/// The limits of control clients.
public struct ControlConfiguration: Sendable {
    /// The longest message taken from a client or, in a unary call, from a peer: bytes, this many included.
    public var maximumMessageBytes = 4_194_304
    /// Control connections open at once; more are closed when they come. Streams count until they are handed over.
    public var maximumConnections = 4096
    /// How long a client may take nothing of what is written to it.
    public var writeStallTimeout = TimeAmount.seconds(60)
    /// Bytes queued for a persistent connection above which no more of its requests are read and no more calls are given to it.
    public var maximumQueuedBytes = 16 * 1024 * 1024
    /// Unary calls of one client that are under way, and as many to it.
    public var maximumUnaryCalls = 4096
    /// Bytes that requests of one client's unary calls under way may have together, and as many to it.
    public var maximumUnaryBytes = 256 * 1024 * 1024
    /// How long a unary call may take from the request to the answer.
    public var unaryTimeout = TimeAmount.minutes(15)
    /// How long the peer of a unary call may take to send its request, or to end the stream after the answer.
    public var unaryStreamTimeout = TimeAmount.seconds(60)
    /// How long a unary call may take to open its stream.
    public var unaryOpenTimeout = TimeAmount.seconds(60)
    /// Whether handlers may listen elsewhere than on this machine. Then any client can make the daemon connect anywhere.
    public var allowsRemoteHandlers = false
    /// Protocols the daemon serves itself that clients may take over.
    public var overridableProtocols: Set<ProtocolID> = ["/echo/1.0.0"]
    /// Who has to listen at a path that a client without credentials (over TCP) has registered; nil: anybody.
    public var daemonUID: UInt32?
    package var registrationLimits = RegistrationLimits()

    public init() {}
}
