public import Multiformats
public import NIOCore

/// The peers a host is connected to and the streams between them; implemented by the Swarm. Usable from any thread.
///
/// Futures may complete on any event loop; who needs one of its own hops.
public protocol Network: AnyObject, Sendable {
    var localPeer: PeerID { get }

    /// All open connections, in the order they were opened.
    var connections: [any Connection] { get }

    /// Open connections to one peer, in the order they were opened.
    func connections(to peer: PeerID) -> [any Connection]

    /// Bound addresses, unspecified ones (`0.0.0.0`, `::`) kept.
    var listenAddresses: [Multiaddr] { get }

    /// Gives the open connection to the peer, or dials it: one dial per peer however many ask.
    ///
    /// - Parameters:
    ///   - addresses: used in addition to what the peerstore knows.
    ///   - timeout: for this caller; the dial itself goes on for others that wait.
    /// - Returns: a future that fails with `NetworkError`.
    func connect(to peer: PeerID, addresses: [Multiaddr], timeout: TimeAmount) -> EventLoopFuture<any Connection>

    /// Connects when needed and opens a stream; see `Connection.openStream`.
    func openStream(to peer: PeerID, protocols: [ProtocolID], timeout: TimeAmount) -> EventLoopFuture<Stream>

    /// Closes all connections to the peer; succeeds when they are gone from `connections`.
    func disconnect(_ peer: PeerID) -> EventLoopFuture<Void>

    /// Takes inbound streams of a protocol, in place of an earlier handler. `handle` is called on the stream's event loop.
    func setHandler(for protocolID: ProtocolID, _ handle: @escaping @Sendable (Stream) -> Void)

    func removeHandler(for protocolID: ProtocolID)

    /// Protocols that have a handler, sorted.
    var protocols: [ProtocolID] { get }

    /// What happens on this network.
    var events: EventBus { get }
}

/// Why a network operation failed. `description` is the text that control clients are shown; go-libp2p's wording, which clients match.
public enum NetworkError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Every address was tried; the text of each failure beside it.
    case allDialsFailed(PeerID, [DialFailure])
    /// The connection closed before the operation was done.
    case connectionClosed
    /// The peer asked for is ourselves.
    case dialToSelf
    /// The gater does not let us connect to this peer.
    case gated(PeerID)
    /// A limit of ours refused it; the text names the limit.
    case limitExceeded(String)
    /// The host shuts down.
    case networkClosed
    /// No address is known for the peer.
    case noAddresses(PeerID)
    /// Addresses are known but none may or can be dialled.
    case noGoodAddresses(PeerID, [DialFailure])
    /// A stream was asked for with an empty list of protocols.
    case noProtocols
    /// The peer speaks none of these.
    case protocolsNotSupported([ProtocolID])
    /// The stream was reset while the protocol was negotiated.
    case streamReset
    /// It took longer than the caller allowed.
    case timedOut

    public var description: String {
        switch self {
        case .allDialsFailed(let peer, let failures):
            "failed to dial: failed to dial \(peer): all dials failed" + Self.lines(failures)
        case .connectionClosed:
            "connection closed"
        case .dialToSelf:
            "failed to dial: dial to self attempted"
        case .gated(let peer):
            "failed to dial: failed to dial \(peer): gater disallows connection to peer"
        case .limitExceeded(let limit):
            "resource limit exceeded: \(limit)"
        case .networkClosed:
            "network is closed"
        case .noAddresses(let peer):
            "failed to dial: failed to dial \(peer): no addresses"
        case .noGoodAddresses(let peer, let failures):
            "failed to dial: failed to dial \(peer): no good addresses" + Self.lines(failures)
        case .noProtocols:
            "failed to negotiate protocol: no protocols specified"
        case .protocolsNotSupported(let protocols):
            "failed to negotiate protocol: protocols not supported: [\(protocols.map(\.rawValue).joined(separator: " "))]"
        case .streamReset:
            "failed to negotiate protocol: stream reset"
        case .timedOut:
            "context deadline exceeded"
        }
    }

    private static func lines(_ failures: [DialFailure]) -> String {
        failures.map { "\n  * [\($0.address)] \($0.reason)" }.joined()
    }
}

/// One address that could not be dialled.
public struct DialFailure: Error, Sendable, Hashable {
    public let address: Multiaddr
    /// For people; holds no peer bytes.
    public let reason: String

    public init(address: Multiaddr, reason: String) {
        self.address = address
        self.reason = reason
    }
}
