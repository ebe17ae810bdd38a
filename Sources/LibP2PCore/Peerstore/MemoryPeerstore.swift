public import Multiformats
public import NIOCore
import Synchronization

/// A peerstore in memory. What it holds is bounded by `Limits`, whatever peers send.
public final class MemoryPeerstore: Peerstore {
    /// What the store holds at most. Beyond a limit, peers that are not connected go: those only heard of before those once
    /// met, the longest untouched first.
    public struct Limits: Sendable, Hashable {
        /// Peers in all; signed records are at most as many.
        public var peers = 100_000
        /// Addresses of all peers without those in use by a connection.
        public var unconnectedAddresses = 1_000_000
        /// Addresses of a peer that is not connected. The worst source and the soonest to expire gives way.
        public var unconnectedAddressesPerPeer = 64
        /// Addresses of a connected peer.
        public var connectedAddressesPerPeer = 500
        /// Addresses that stay when the last connection of a peer closes.
        public var addressesKeptAfterDisconnect = 20
        /// Protocols of a peer; the first ones stay.
        public var protocolsPerPeer = 1024
        /// Protocol names, agent versions, keys and signed records of all peers, in bytes.
        public var metadataBytes = 64 * 1024 * 1024

        public init() {}
    }

    private let table: Mutex<PeerTable>

    public init(limits: Limits = Limits()) {
        self.table = Mutex(PeerTable(limits: limits))
    }

    public func addresses(of peer: PeerID, now: NIODeadline) -> [Multiaddr] {
        self.table.withLock { $0.addresses(of: peer, now: now) }
    }

    public func addAddresses(_ addresses: [Multiaddr], of peer: PeerID, lifetime: AddressLifetime, now: NIODeadline) {
        guard !addresses.isEmpty else { return }
        self.table.withLock { $0.addAddresses(addresses, of: peer, lifetime: lifetime, now: now) }
    }

    public func replaceAddresses(
        _ addresses: [Multiaddr],
        of peer: PeerID,
        lifetime: AddressLifetime,
        now: NIODeadline
    ) {
        self.table.withLock { table in
            table.removeAddresses(of: peer)
            table.addAddresses(addresses, of: peer, lifetime: lifetime, now: now)
        }
    }

    public func updateAddresses(of peer: PeerID, from: AddressLifetime, to: AddressLifetime, now: NIODeadline) {
        self.table.withLock { $0.updateAddresses(of: peer, from: from, to: to, now: now) }
    }

    public func setConnected(_ isConnected: Bool, peer: PeerID, now: NIODeadline) {
        self.table.withLock { $0.setConnected(isConnected, peer: peer, now: now) }
    }

    public func protocols(of peer: PeerID) -> [ProtocolID] {
        self.table.withLock { $0.metadata(of: peer)?.protocols ?? [] }
    }

    public func setProtocols(_ protocols: [ProtocolID], of peer: PeerID) {
        self.table.withLock { table in
            let kept = Array(protocols.prefix(table.limits.protocolsPerPeer))
            table.updateMetadata(of: peer) { $0.protocols = kept }
        }
    }

    public func firstSupported(_ candidates: [ProtocolID], by peer: PeerID) -> ProtocolID? {
        self.table.withLock { table in
            guard let known = table.metadata(of: peer)?.protocols, !known.isEmpty else { return nil }
            return candidates.first(where: known.contains)
        }
    }

    public func publicKey(of peer: PeerID) -> PublicKey? {
        self.table.withLock { $0.metadata(of: peer)?.publicKey }
    }

    public func setPublicKey(_ key: PublicKey, of peer: PeerID) {
        self.table.withLock { $0.updateMetadata(of: peer) { $0.publicKey = key } }
    }

    public func agentVersion(of peer: PeerID) -> String? {
        self.table.withLock { $0.metadata(of: peer)?.agentVersion }
    }

    public func setAgentVersion(_ agentVersion: String, of peer: PeerID) {
        self.table.withLock { $0.updateMetadata(of: peer) { $0.agentVersion = agentVersion } }
    }

    public func signedRecord(of peer: PeerID) -> SignedRecord? {
        self.table.withLock { $0.metadata(of: peer)?.signedRecord }
    }

    public func setSignedRecord(_ record: SignedRecord, of peer: PeerID) -> Bool {
        self.table.withLock { table in
            if let held = table.metadata(of: peer)?.signedRecord, held.sequence > record.sequence {
                return false
            }
            table.updateMetadata(of: peer) { $0.signedRecord = record }
            return true
        }
    }

    public func remove(_ peer: PeerID) {
        self.table.withLock { $0.remove(peer) }
    }

    public var peers: [PeerID] {
        self.table.withLock { $0.peers }
    }

    /// Addresses that count against `Limits.unconnectedAddresses`, and bytes that count against `Limits.metadataBytes`.
    public var usage: (unconnectedAddresses: Int, metadataBytes: Int) {
        self.table.withLock { ($0.unconnectedAddresses, $0.metadataBytes) }
    }
}
