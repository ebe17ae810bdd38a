import Multiformats
import NIOCore

/// What a `PeerTable` keeps of one peer, and its place in the order of eviction.
struct PeerSlot {
    /// Decides who goes first when room is needed.
    enum Standing {
        /// Others told of it.
        case heardOf
        /// It was connected once, or a permanent address of it was given.
        case met
    }

    /// Nil in a slot that is free.
    let peer: PeerID?
    var addresses: [PeerAddress] = []
    var metadata = PeerMetadata()
    var isConnected = false
    var standing = Standing.heardOf
    /// Until when metadata stays without any address; nil until somebody needs to know.
    var keepUntil: NIODeadline?

    var isLinked = false
    var older: Int?
    var younger: Int?

    init(peer: PeerID?) {
        self.peer = peer
    }

    var unconnectedAddressCount: Int {
        self.addresses.reduce(into: 0) { count, address in
            if address.lifetime != .connected { count += 1 }
        }
    }

    /// Adds or prolongs an address. Beyond `limit` the worst one goes, which may be the one that was added.
    mutating func add(
        _ address: Multiaddr,
        lifetime: AddressLifetime,
        expires: NIODeadline,
        limit: Int,
        now: NIODeadline
    ) {
        if let position = self.addresses.firstIndex(where: { $0.address == address }) {
            self.addresses[position].expires = max(self.addresses[position].expires, expires)
            if lifetime.rank > self.addresses[position].lifetime.rank {
                self.addresses[position].lifetime = lifetime
            }
            return
        }
        if self.addresses.count >= limit {
            self.addresses.removeAll { $0.expires <= now }
        }
        self.addresses.append(PeerAddress(address: address, lifetime: lifetime, expires: expires))
        guard self.addresses.count > limit else { return }
        // Of equals the oldest goes: `min` gives the first.
        let worst = self.addresses.indices.min { left, right in
            let (left, right) = (self.addresses[left], self.addresses[right])
            return (left.lifetime.rank, left.expires) < (right.lifetime.rank, right.expires)
        }
        if let worst {
            self.addresses.remove(at: worst)
        }
    }
}

/// One address of a peer.
struct PeerAddress {
    let address: Multiaddr
    var lifetime: AddressLifetime
    var expires: NIODeadline
}

/// What is known of a peer besides its addresses.
struct PeerMetadata {
    var protocols: [ProtocolID] = []
    var publicKey: PublicKey?
    var agentVersion: String?
    var signedRecord: SignedRecord?

    /// About what this takes in memory.
    var byteCount: Int {
        let names = self.protocols.reduce(0) { $0 + $1.rawValue.utf8.count + 16 }
        return names + (self.publicKey?.data.count ?? 0) + (self.agentVersion?.utf8.count ?? 0)
            + (self.signedRecord?.envelope.count ?? 0)
    }
}

extension AddressLifetime {
    /// Better sources have higher ranks.
    var rank: Int {
        switch self {
        case .permanent: 4
        case .connected: 3
        case .recentlyConnected: 2
        case .standard: 1
        case .temporary: 0
        }
    }

    func expiry(from now: NIODeadline) -> NIODeadline {
        switch self {
        case .connected, .permanent: .distantFuture
        case .recentlyConnected: now + .minutes(15)
        case .standard: now + .hours(1)
        case .temporary: now + .minutes(2)
        }
    }
}
