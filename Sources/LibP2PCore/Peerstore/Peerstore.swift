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

    /// Gives all addresses of the peer with lifetime `from` the lifetime `to` (connected → recently connected).
    func updateAddresses(of peer: PeerID, from: AddressLifetime, to: AddressLifetime, now: NIODeadline)

    /// Protocols that identify told; empty when unknown.
    func protocols(of peer: PeerID) -> [ProtocolID]

    /// Replaces what the peer speaks. At most 1024 are kept.
    func setProtocols(_ protocols: [ProtocolID], of peer: PeerID)

    /// The first of `candidates` that the peer is known to speak.
    func firstSupported(_ candidates: [ProtocolID], by peer: PeerID) -> ProtocolID?

    func publicKey(of peer: PeerID) -> PublicKey?

    func setPublicKey(_ key: PublicKey, of peer: PeerID)

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
