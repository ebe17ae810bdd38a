/// How much of each resource one scope may use.
public struct ResourceLimit: Sendable, Hashable {
    public var inboundConnections: Int
    public var outboundConnections: Int
    /// Of both directions.
    public var connections: Int
    public var inboundStreams: Int
    public var outboundStreams: Int
    /// Of both directions.
    public var streams: Int
    public var memoryBytes: Int
    public var descriptors: Int

    public init(
        inboundConnections: Int = .max,
        outboundConnections: Int = .max,
        connections: Int = .max,
        inboundStreams: Int = .max,
        outboundStreams: Int = .max,
        streams: Int = .max,
        memoryBytes: Int = .max,
        descriptors: Int = .max
    ) {
        self.inboundConnections = inboundConnections
        self.outboundConnections = outboundConnections
        self.connections = connections
        self.inboundStreams = inboundStreams
        self.outboundStreams = outboundStreams
        self.streams = streams
        self.memoryBytes = memoryBytes
        self.descriptors = descriptors
    }
}

/// How much of each resource one scope uses.
public struct ResourceUsage: Sendable, Hashable {
    public internal(set) var inboundConnections = 0
    public internal(set) var outboundConnections = 0
    public internal(set) var inboundStreams = 0
    public internal(set) var outboundStreams = 0
    public internal(set) var memoryBytes = 0
    public internal(set) var descriptors = 0

    public init() {}

    public var connections: Int { self.inboundConnections + self.outboundConnections }
    public var streams: Int { self.inboundStreams + self.outboundStreams }

    var isZero: Bool { self == ResourceUsage() }
}

/// The limits of every scope of a host.
///
/// `limit = base + increment · GiB`, counted on an eighth of the memory and half of the descriptors: go-libp2p's values.
public struct ResourceLimits: Sendable, Hashable {
    /// Everything together.
    public var system = ResourceLimit()
    /// Connections before the peer is known and streams before the protocol is.
    public var transient = ResourceLimit()
    /// What belongs to one peer.
    public var peer = ResourceLimit()
    /// Streams of one protocol with all peers.
    public var `protocol` = ResourceLimit()
    /// Streams of one protocol with one peer.
    public var protocolPeer = ResourceLimit()
    /// Memory of one connection.
    public var connection = ResourceLimit()
    /// Inbound connections by network.
    public var addresses = AddressLimits.none

    private init() {}

    /// No limits at all; for tests and the hivemind personality.
    public static let unlimited = ResourceLimits()

    /// Limits for a machine.
    ///
    /// - Parameters:
    ///   - memoryBytes: of the machine or of the service's share of it.
    ///   - descriptors: what the process may open.
    ///   - highWater: of the connection manager; the system's limits leave room for twice as many.
    public static func scaled(memoryBytes: Int, descriptors: Int, highWater: Int = 0) -> ResourceLimits {
        let mebibytes = max(0, memoryBytes / 8 / 1_048_576)
        let files = max(0, descriptors / 2)
        func scaled(_ base: Int, _ incrementPerGiB: Int) -> Int {
            base + Int(Double(incrementPerGiB) * Double(mebibytes) / 1024)
        }
        func memory(_ baseMiB: Int, _ incrementMiBPerGiB: Int) -> Int {
            scaled(baseMiB, incrementMiBPerGiB) * 1_048_576
        }
        let managed = max(0, min(highWater, 1_000_000)) * 2

        var limits = ResourceLimits()
        limits.system = ResourceLimit(
            inboundConnections: max(scaled(64, 64), managed),
            outboundConnections: max(scaled(128, 128), managed),
            connections: max(scaled(128, 128), managed),
            inboundStreams: max(scaled(1024, 1024), managed * 16),
            outboundStreams: max(scaled(2048, 2048), managed * 32),
            streams: max(scaled(2048, 2048), managed * 32),
            memoryBytes: memory(128, 1024),
            descriptors: max(256, files)
        )
        limits.transient = ResourceLimit(
            inboundConnections: scaled(32, 16),
            outboundConnections: scaled(64, 32),
            connections: scaled(64, 32),
            inboundStreams: scaled(128, 128),
            outboundStreams: scaled(256, 256),
            streams: scaled(256, 256),
            memoryBytes: memory(32, 128),
            descriptors: max(64, files / 4)
        )
        limits.peer = ResourceLimit(
            inboundConnections: 8,
            outboundConnections: 8,
            connections: 8,
            inboundStreams: scaled(256, 128),
            outboundStreams: scaled(512, 256),
            streams: scaled(512, 256),
            memoryBytes: memory(64, 128),
            descriptors: max(8, files / 64)
        )
        limits.protocol = ResourceLimit(
            inboundStreams: scaled(512, 256),
            outboundStreams: scaled(2048, 512),
            streams: scaled(2048, 512),
            memoryBytes: memory(64, 128)
        )
        limits.protocolPeer = ResourceLimit(
            inboundStreams: scaled(64, 32),
            outboundStreams: scaled(128, 64),
            streams: scaled(256, 128),
            memoryBytes: memory(16, 64)
        )
        limits.connection = ResourceLimit(memoryBytes: 32 * 1_048_576)
        limits.addresses = .standard
        return limits
    }
}
