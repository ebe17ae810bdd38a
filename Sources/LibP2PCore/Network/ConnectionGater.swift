public import Multiformats

/// Lets connections through or stops them, at each step at which more is known. Usable from any thread; answers at once.
public protocol ConnectionGater: Sendable {
    /// Before anything is dialled.
    func mayDial(_ peer: PeerID) -> Bool

    /// Before an address is dialled; names have been resolved.
    func mayDial(_ address: Multiaddr, of peer: PeerID) -> Bool

    /// Before an accepted socket is secured.
    func mayAccept(from address: Multiaddr) -> Bool

    /// After the peer has proven who it is, in both directions.
    func mayKeep(_ peer: PeerID, direction: Direction, remoteAddress: Multiaddr) -> Bool
}

/// Lets everything through.
public struct OpenGater: ConnectionGater {
    public init() {}

    public func mayDial(_ peer: PeerID) -> Bool { true }
    public func mayDial(_ address: Multiaddr, of peer: PeerID) -> Bool { true }
    public func mayAccept(from address: Multiaddr) -> Bool { true }
    public func mayKeep(_ peer: PeerID, direction: Direction, remoteAddress: Multiaddr) -> Bool { true }
}
