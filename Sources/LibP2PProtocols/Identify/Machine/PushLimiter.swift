import LibP2PCore
import Multiformats
import NIOCore

/// Bounds how often peers may push, by where they are: one network cannot keep us busy with ever new identities.
///
/// go-libp2p's rates: per IPv4 /24 and IPv6 /56 one push in 5 s, 10 at once; per IPv6 /48 one in 2 s, 20 at once; 2000 a
/// second in all, 3000 at once. Loopback is free.
struct PushLimiter {
    private struct Network: Hashable {
        /// Nil for all addresses without an IP address together.
        let address: IPAddress?
        let prefixLength: Int
    }

    /// Networks remembered at most. A bucket is full again, and can be forgotten, after 50 s.
    private static let maximumNetworks = 8192

    private var all: TokenBucket?
    private var buckets: [Network: TokenBucket] = [:]
    private var forgottenAt: NIODeadline?

    init() {}

    /// Whether a push from this address is to be read.
    mutating func allow(_ remoteAddress: Multiaddr, now: NIODeadline) -> Bool {
        if remoteAddress.isLoopback { return true }
        let networks = Self.networks(of: remoteAddress)
        if self.buckets.count + networks.count > Self.maximumNetworks {
            self.forgetFullBuckets(now: now)
            guard self.buckets.count + networks.count <= Self.maximumNetworks else { return false }
        }
        for network in networks {
            var bucket = self.buckets[network] ?? Self.bucket(for: network, now: now)
            let isAllowed = bucket.take(now: now)
            self.buckets[network] = bucket
            guard isAllowed else { return false }
        }
        var all = self.all ?? TokenBucket(tokensPerSecond: 2000, burst: 3000, now: now)
        defer { self.all = all }
        return all.take(now: now)
    }

    private mutating func forgetFullBuckets(now: NIODeadline) {
        // A full table is looked through once a second, not for each push of a flood.
        if let forgottenAt, now - forgottenAt < .seconds(1) { return }
        self.forgottenAt = now
        self.buckets = self.buckets.filter { _, bucket in
            var bucket = bucket
            return !bucket.isFull(now: now)
        }
    }

    private static func networks(of address: Multiaddr) -> [Network] {
        switch address.ipAddress?.unmapped {
        case .some(let ip):
            let lengths = if case .v4 = ip { [24] } else { [56, 48] }
            return lengths.map { Network(address: ip.masked(to: $0), prefixLength: $0) }
        case .none:
            return [Network(address: nil, prefixLength: 0)]
        }
    }

    private static func bucket(for network: Network, now: NIODeadline) -> TokenBucket {
        network.prefixLength == 48
            ? TokenBucket(tokensPerSecond: 0.5, burst: 20, now: now)
            : TokenBucket(tokensPerSecond: 0.2, burst: 10, now: now)
    }
}
