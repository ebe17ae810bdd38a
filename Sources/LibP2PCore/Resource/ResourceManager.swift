public import Multiformats
public import NIOCore
import Synchronization

/// Counts what connections and streams use, and refuses what would exceed a limit before anything is allocated for it.
///
/// A connection is counted for the system and, until its peer is known, as transient; then for its peer. A stream likewise,
/// until its protocol is known; then for the protocol and for the protocol with this peer. Usable from any thread.
public final class ResourceManager: Sendable {
    struct ProtocolPeer: Hashable {
        let protocolID: ProtocolID
        let peer: PeerID
    }

    struct State {
        var system = ResourceUsage()
        var transient = ResourceUsage()
        var peers: [PeerID: ResourceUsage] = [:]
        var protocols: [ProtocolID: ResourceUsage] = [:]
        var protocolPeers: [ProtocolPeer: ResourceUsage] = [:]
        var addresses: AddressLimiter
        var refusals: UInt64 = 0
    }

    public let limits: ResourceLimits
    let state: Mutex<State>

    public init(limits: ResourceLimits) {
        self.limits = limits
        self.state = Mutex(State(addresses: AddressLimiter(limits: limits.addresses)))
    }

    /// Counts a connection that is about to be dialled or was just accepted.
    ///
    /// - Parameters:
    ///   - remoteAddress: bounds inbound connections by network; not used for outbound ones.
    ///   - usesDescriptor: false for connections inside others (relayed) and many on one socket (QUIC).
    /// - Throws: `.limitExceeded`, `.rateExceeded`.
    public func openConnection(
        _ direction: Direction,
        remoteAddress: Multiaddr?,
        usesDescriptor: Bool = true,
        now: NIODeadline
    ) throws(ResourceError) -> ConnectionScope {
        let request = ResourceRequest.connection(direction, descriptors: usesDescriptor ? 1 : 0)
        let ip = direction == .inbound ? remoteAddress?.ipAddress?.unmapped : nil
        try self.counted { (state: inout State) throws(ResourceError) in
            try request.check(state.system, self.limits.system, scope: "system")
            try request.check(state.transient, self.limits.transient, scope: "transient")
            if let ip {
                try state.addresses.admit(ip, now: now)
            }
            request.add(to: &state.system)
            request.add(to: &state.transient)
        }
        return ConnectionScope(manager: self, request: request, ip: ip)
    }

    /// What the whole host uses.
    public var systemUsage: ResourceUsage { self.state.withLock { $0.system } }

    /// What connections without a known peer and streams without a protocol use.
    public var transientUsage: ResourceUsage { self.state.withLock { $0.transient } }

    public func usage(of peer: PeerID) -> ResourceUsage {
        self.state.withLock { $0.peers[peer] ?? ResourceUsage() }
    }

    public func usage(of protocolID: ProtocolID) -> ResourceUsage {
        self.state.withLock { $0.protocols[protocolID] ?? ResourceUsage() }
    }

    /// How often something was refused since the start.
    public var refusals: UInt64 { self.state.withLock { $0.refusals } }

    /// Runs a transition under the lock and counts its refusal.
    func counted<T>(_ body: (inout State) throws(ResourceError) -> T) throws(ResourceError) -> T {
        let result: Result<T, ResourceError> = self.state.withLock { state in
            do throws(ResourceError) {
                return .success(try body(&state))
            } catch {
                state.refusals &+= 1
                return .failure(error)
            }
        }
        return try result.get()
    }
}

/// One thing that is counted.
enum ResourceRequest: Sendable {
    case connection(Direction, descriptors: Int)
    case stream(Direction)
    case memory(Int)

    /// - Throws: `.limitExceeded` when `usage` and this together are more than `limit`.
    func check(_ usage: ResourceUsage, _ limit: ResourceLimit, scope: String) throws(ResourceError) {
        func require(_ used: Int, _ allowed: Int, _ resource: String) throws(ResourceError) {
            guard used <= allowed else {
                throw .limitExceeded(scope: scope, resource: resource, limit: allowed)
            }
        }
        switch self {
        case .connection(let direction, let descriptors):
            try require(usage.connections + 1, limit.connections, "connections")
            switch direction {
            case .inbound: try require(usage.inboundConnections + 1, limit.inboundConnections, "inbound connections")
            case .outbound:
                try require(usage.outboundConnections + 1, limit.outboundConnections, "outbound connections")
            }
            try require(usage.descriptors + descriptors, limit.descriptors, "descriptors")
        case .stream(let direction):
            try require(usage.streams + 1, limit.streams, "streams")
            switch direction {
            case .inbound: try require(usage.inboundStreams + 1, limit.inboundStreams, "inbound streams")
            case .outbound: try require(usage.outboundStreams + 1, limit.outboundStreams, "outbound streams")
            }
        case .memory(let bytes):
            let (sum, overflow) = usage.memoryBytes.addingReportingOverflow(bytes)
            try require(overflow ? .max : sum, limit.memoryBytes, "bytes of memory")
        }
    }

    func add(to usage: inout ResourceUsage) {
        self.apply(1, to: &usage)
    }

    func remove(from usage: inout ResourceUsage) {
        self.apply(-1, to: &usage)
    }

    /// Removes from one entry of a table and drops the entry when nothing is left in it.
    func remove<Key>(from table: inout [Key: ResourceUsage], at key: Key) {
        guard var usage = table[key] else { return }
        self.remove(from: &usage)
        table[key] = usage.isZero ? nil : usage
    }

    private func apply(_ sign: Int, to usage: inout ResourceUsage) {
        switch self {
        case .connection(.inbound, let descriptors):
            usage.inboundConnections += sign
            usage.descriptors += sign * descriptors
        case .connection(.outbound, let descriptors):
            usage.outboundConnections += sign
            usage.descriptors += sign * descriptors
        case .stream(.inbound):
            usage.inboundStreams += sign
        case .stream(.outbound):
            usage.outboundStreams += sign
        case .memory(let bytes):
            usage.memoryBytes &+= sign &* bytes
        }
    }
}
