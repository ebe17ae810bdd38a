public import LibP2PCore
public import Multiformats
import Synchronization

/// Lets connections through by lists of peers and networks that can change while it is used.
///
/// A peer or network that is denied is stopped. Where a list of allowed ones is not empty, only those on it pass.
public final class ListGater: ConnectionGater {
    /// The lists. Empty ones stop nobody.
    public struct Lists: Sendable, Hashable {
        public var deniedPeers: Set<PeerID> = []
        public var allowedPeers: Set<PeerID> = []
        public var deniedNetworks: Set<AddressBlock> = []
        public var allowedNetworks: Set<AddressBlock> = []

        public init() {}

        fileprivate func admit(_ peer: PeerID) -> Bool {
            !self.deniedPeers.contains(peer) && (self.allowedPeers.isEmpty || self.allowedPeers.contains(peer))
        }

        fileprivate func admit(_ address: Multiaddr) -> Bool {
            guard let ip = address.ipAddress?.unmapped else { return self.allowedNetworks.isEmpty }
            return !self.deniedNetworks.contains { $0.contains(ip) }
                && (self.allowedNetworks.isEmpty || self.allowedNetworks.contains { $0.contains(ip) })
        }
    }

    private let state: Mutex<Lists>

    public init(_ lists: Lists = Lists()) {
        self.state = Mutex(lists)
    }

    public var lists: Lists { self.state.withLock { $0 } }

    /// Changes the lists; connections that stand are not touched.
    public func update(_ body: (inout Lists) -> Void) {
        var lists = self.lists
        body(&lists)
        let changed = lists
        self.state.withLock { $0 = changed }
    }

    public func mayDial(_ peer: PeerID) -> Bool {
        self.state.withLock { $0.admit(peer) }
    }

    public func mayDial(_ address: Multiaddr, of peer: PeerID) -> Bool {
        self.state.withLock { $0.admit(address) }
    }

    public func mayAccept(from address: Multiaddr) -> Bool {
        self.state.withLock { $0.admit(address) }
    }

    public func mayKeep(_ peer: PeerID, direction: Direction, remoteAddress: Multiaddr) -> Bool {
        self.state.withLock { $0.admit(peer) && $0.admit(remoteAddress) }
    }
}
