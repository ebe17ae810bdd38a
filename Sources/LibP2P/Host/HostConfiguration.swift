public import LibP2PCore
public import LibP2PSwarm
public import LibP2PTransports
public import LibP2PUpgrades
public import Multiformats

/// What makes one host differ from another.
public struct HostConfiguration: Sendable {
    /// Who the host is.
    public var identity: PrivateKey
    /// What is bound at the start; nothing when empty.
    public var listenAddresses: [Multiaddr] = []
    /// What peers are told instead of what is bound and observed; nothing is derived then.
    public var announceAddresses: [Multiaddr] = []
    /// Whether private and loopback addresses are ours to tell, to peers that share the network they are of.
    public var announcesPrivateAddresses = true
    /// Secure channels, best first; without any no connection comes about.
    public var securities: [HostSecurity] = [.tls, .noise]
    /// Whether connections beyond the high water mark are trimmed.
    public var trimsConnections = true
    public var connections = SwarmConfiguration()
    public var limits = ResourceLimits.scaled(
        memoryBytes: MachineResources.memoryBytes,
        descriptors: MachineResources.descriptors
    )
    /// Whom to let in and whom to dial.
    public var gater: any ConnectionGater = OpenGater()
    public var tcp = TCPConfiguration()
    public var yamux = YamuxConfiguration()
    /// Name and version of the program, told to every peer.
    public var agentVersion: String
    /// The family of protocols, told to every peer; for people only.
    public var protocolVersion = "ipfs/0.1.0"
    /// Whether `/echo/1.0.0` is answered.
    public var isEchoEnabled = true
    /// Bounds what is remembered of peers.
    public var peerstore = MemoryPeerstore.Limits()

    public init(identity: PrivateKey, agentVersion: String) {
        self.identity = identity
        self.agentVersion = agentVersion
    }
}

/// The secure channels that are built in.
public enum HostSecurity: String, Sendable, Hashable, CaseIterable {
    /// TLS 1.3, `/tls/1.0.0`.
    case tls
    /// Noise XX, `/noise`.
    case noise
}

/// Why a host did not start.
public enum HostError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The host was closed.
    case closed
    /// None of the addresses could be bound; the reason of each.
    case noAddressBound([DialFailure])

    public var description: String {
        switch self {
        case .closed:
            "the host is closed"
        case .noAddressBound(let failures):
            "failed to listen on any address" + failures.map { "\n  * [\($0.address)] \($0.reason)" }.joined()
        }
    }
}
