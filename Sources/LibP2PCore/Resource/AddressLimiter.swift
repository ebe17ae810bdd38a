import Multiformats
import NIOCore

/// Bounds the inbound connections of one network: how many stand, and how fast new ones come.
public struct AddressLimits: Sendable, Hashable {
    /// One rule for all networks of a prefix length.
    public struct Rule: Sendable, Hashable {
        /// Bits of the address that name a network: 0…32 for IPv4, 0…128 for IPv6.
        public var prefixLength: Int
        /// Connections of one network that may stand at a time.
        public var connections: Int
        /// New connections per second, over a long time.
        public var connectionsPerSecond: Double
        /// New connections at once.
        public var burst: Int

        public init(prefixLength: Int, connections: Int, connectionsPerSecond: Double, burst: Int) {
            self.prefixLength = prefixLength
            self.connections = connections
            self.connectionsPerSecond = connectionsPerSecond
            self.burst = burst
        }
    }

    public var ipv4: [Rule]
    public var ipv6: [Rule]

    public init(ipv4: [Rule], ipv6: [Rule]) {
        self.ipv4 = ipv4
        self.ipv6 = ipv6
    }

    /// What go-libp2p limits; loopback is never limited.
    public static let standard = AddressLimits(
        ipv4: [Rule(prefixLength: 32, connections: 8, connectionsPerSecond: 0.2, burst: 16)],
        ipv6: [
            Rule(prefixLength: 56, connections: 8, connectionsPerSecond: 0.2, burst: 16),
            Rule(prefixLength: 48, connections: 64, connectionsPerSecond: 0.5, burst: 80),
        ]
    )

    public static let none = AddressLimits(ipv4: [], ipv6: [])
}

/// Counts inbound connections by network. Pure: the time is given.
struct AddressLimiter: Sendable {
    private struct Network: Hashable {
        let address: IPAddress
        let prefixLength: Int
    }

    private struct Entry {
        var connections = 0
        var bucket: TokenBucket
    }

    /// Networks that are remembered. When so many have open connections or a bucket that is not full, new networks are refused.
    private static let maximumNetworks = 65_536

    private let limits: AddressLimits
    private var entries: [Network: Entry] = [:]

    init(limits: AddressLimits) {
        self.limits = limits
    }

    /// Counts a new connection or says which rule it would break.
    mutating func admit(_ ip: IPAddress, now: NIODeadline) throws(ResourceError) {
        guard !ip.isLoopback else { return }
        let rules = self.rules(for: ip)
        if self.entries.count + rules.count > Self.maximumNetworks {
            self.forgetIdle(now: now)
            guard self.entries.count + rules.count <= Self.maximumNetworks else {
                throw .limitExceeded(scope: "addresses", resource: "networks", limit: Self.maximumNetworks)
            }
        }
        for rule in rules {
            let network = Network(address: ip.masked(to: rule.prefixLength), prefixLength: rule.prefixLength)
            var entry =
                self.entries[network]
                ?? Entry(
                    bucket: TokenBucket(tokensPerSecond: rule.connectionsPerSecond, burst: Double(rule.burst), now: now)
                )
            guard entry.connections < rule.connections else {
                throw .limitExceeded(
                    scope: "network /\(rule.prefixLength)",
                    resource: "inbound connections",
                    limit: rule.connections
                )
            }
            let isAllowed = entry.bucket.take(now: now)
            self.entries[network] = entry
            guard isAllowed else {
                throw .rateExceeded(scope: "network /\(rule.prefixLength)", resource: "inbound connections")
            }
        }
        for rule in rules {
            let network = Network(address: ip.masked(to: rule.prefixLength), prefixLength: rule.prefixLength)
            self.entries[network]?.connections += 1
        }
    }

    /// Ends a connection that was admitted.
    mutating func release(_ ip: IPAddress) {
        guard !ip.isLoopback else { return }
        for rule in self.rules(for: ip) {
            let network = Network(address: ip.masked(to: rule.prefixLength), prefixLength: rule.prefixLength)
            guard let count = self.entries[network]?.connections, count > 0 else { continue }
            self.entries[network]?.connections = count - 1
        }
    }

    private func rules(for ip: IPAddress) -> [AddressLimits.Rule] {
        switch ip {
        case .v4: self.limits.ipv4
        case .v6: self.limits.ipv6
        }
    }

    private mutating func forgetIdle(now: NIODeadline) {
        self.entries = self.entries.filter { _, entry in
            var bucket = entry.bucket
            return entry.connections > 0 || !bucket.isFull(now: now)
        }
    }
}
