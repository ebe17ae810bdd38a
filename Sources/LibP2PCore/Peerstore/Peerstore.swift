public import Multiformats
public import NIOCore

/// What a host remembers of peers: where they are, what they speak, their keys. Usable from any thread; bounded.
///
/// Times are arguments so that tests run on virtual time.
public protocol Peerstore: AnyObject, Sendable {
    /// Addresses that have not expired, best source first. Without `/p2p/…`.
    func addresses(of peer: PeerID, now: NIODeadline) -> [Multiaddr]

    /// Adds addresses or prolongs those that are known; a shorter lifetime never cuts a longer one.
    func addAddresses(_ addresses: [Multiaddr], of peer: PeerID, lifetime: AddressLifetime, now: NIODeadline)

    /// Forgets the addresses of the peer, except permanent ones, in favour of these: what the peer itself says supersedes hearsay.
    func replaceAddresses(_ addresses: [Multiaddr], of peer: PeerID, lifetime: AddressLifetime, now: NIODeadline)

    /// Gives all addresses of the peer with lifetime `from` the lifetime `to` (connected → recently connected).
    func updateAddresses(of peer: PeerID, from: AddressLifetime, to: AddressLifetime, now: NIODeadline)

    /// Says whether a connection to the peer is open; the swarm does. A connected peer is never evicted.
    ///
    /// With `false`, connected addresses become recently connected ones and only the best 20 addresses stay.
    func setConnected(_ isConnected: Bool, peer: PeerID, now: NIODeadline)

    /// Protocols that identify told; empty when unknown.
    func protocols(of peer: PeerID) -> [ProtocolID]

    /// Replaces what the peer speaks. At most 1024 are kept.
    func setProtocols(_ protocols: [ProtocolID], of peer: PeerID)

    /// The first of `candidates` that the peer is known to speak.
    func firstSupported(_ candidates: [ProtocolID], by peer: PeerID) -> ProtocolID?

    func publicKey(of peer: PeerID) -> PublicKey?

    func setPublicKey(_ key: PublicKey, of peer: PeerID)

    /// What the peer says it runs (identify's `agentVersion`), nil when unknown. Peer's words: at most 256 bytes, printable.
    func agentVersion(of peer: PeerID) -> String?

    func setAgentVersion(_ agentVersion: String, of peer: PeerID)

    /// The newest signed peer record that the peer gave us itself.
    func signedRecord(of peer: PeerID) -> SignedRecord?

    /// Keeps a record whose signature was verified and whose signer is the connected `peer` (the caller guarantees both).
    ///
    /// - Returns: false, and nothing changes, when a newer record is held.
    func setSignedRecord(_ record: SignedRecord, of peer: PeerID) -> Bool

    /// Forgets all about a peer that is not connected.
    func remove(_ peer: PeerID)

    /// Peers of which anything is known.
    var peers: [PeerID] { get }
}

/// How long an address stays; go-libp2p `core/peerstore`.
public enum AddressLifetime: Sendable, Hashable {
    /// While connected: does not expire.
    case connected
    /// Given by the operator or a local client for good: does not expire.
    case permanent
    /// 15 minutes after the last connection closed.
    case recentlyConnected
    /// 1 hour.
    case standard
    /// 2 minutes: learnt in passing.
    case temporary
}

/// A peer's own statement of its addresses, verified; libp2p/specs RFC 0003.
public struct SignedRecord: Sendable, Hashable {
    /// Of two records of a peer the one with the higher number counts.
    public let sequence: UInt64
    /// The serialised `SignedEnvelope`, to be handed on to others.
    public let envelope: [UInt8]

    public init(sequence: UInt64, envelope: [UInt8]) {
        self.sequence = sequence
        self.envelope = envelope
    }
}
