public import Multiformats
public import NIOCore

/// Keeps the number of connections between two water marks, closing those of least value. Usable from any thread.
public protocol ConnectionManager: AnyObject, Sendable {
    /// Sets the weight of one tag of the peer; the sum of its tags is its value. Bounded: 64 tags per peer.
    func tag(_ peer: PeerID, tag: String, weight: Int64)

    func untag(_ peer: PeerID, tag: String)

    /// Excludes the peer from trimming while any protection of it stands.
    func protect(_ peer: PeerID, tag: String)

    func unprotect(_ peer: PeerID, tag: String)

    /// Closes connections down to the low water mark now; succeeds when they are closed.
    func trim() -> EventLoopFuture<Void>
}
