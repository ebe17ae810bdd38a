public import Multiformats
public import NIOCore

/// The number of a connection, unique in its process.
public struct ConnectionID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public var description: String { "\(self.rawValue)" }

    public static func < (lhs: ConnectionID, rhs: ConnectionID) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}

/// An open connection to a peer, as protocols see it. Usable from any thread; its streams live on `eventLoop`.
public protocol Connection: AnyObject, Sendable {
    var id: ConnectionID { get }
    var remotePeer: PeerID { get }
    var remotePublicKey: PublicKey { get }
    var localAddress: Multiaddr { get }
    /// As dialled or accepted, without `/p2p/…`.
    var remoteAddress: Multiaddr { get }
    var direction: Direction { get }
    var security: ProtocolID { get }
    var muxer: ProtocolID { get }
    var openedAt: NIODeadline { get }
    var eventLoop: any EventLoop { get }
    var isOpen: Bool { get }

    /// Opens a stream and agrees on the first protocol of `protocols` that the peer speaks.
    ///
    /// Where the peerstore says that the peer speaks one, it is proposed lazily: the future succeeds at once and the proposal
    /// travels with the first bytes. Else the peer's answer is awaited. The future completes on `eventLoop` and fails with `NetworkError`.
    func openStream(_ protocols: [ProtocolID], timeout: TimeAmount) -> EventLoopFuture<Stream>

    /// Says goodbye and closes. Succeeds when the socket is closed and the connection is out of the network's tables.
    func close(_ code: ConnectionErrorCode) -> EventLoopFuture<Void>
}
