package import LibP2PCore
package import Multiformats
package import NIOCore

/// One thing a client can ask, in whichever encoding: its parsed arguments and what it does with them.
///
/// A new operation is one file with a conforming type and one line in `OperationTable.all`.
package protocol Operation: Sendable {
    static var declaration: OperationDeclaration { get }

    /// Parses what the client sent; checks in the order that existing clients know.
    init(_ arguments: Arguments) throws(OperationError)

    /// Does it, or starts to. Called on the client's event loop.
    func run(in context: OperationContext) throws(OperationError) -> OperationOutcome
}

/// An answer, or the promise of one.
package enum OperationOutcome {
    /// Done at once: costs no future.
    case ready(OperationResult)
    /// Under way. Whatever the future does, the client is answered `deadline` from now at the latest.
    case pending(EventLoopFuture<OperationResult>, deadline: TimeAmount)
}

/// What an operation answers, before it is encoded.
package enum OperationResult: Sendable {
    /// Done; there is nothing to tell.
    case done
    /// Who we are and where we can be reached.
    case identity(PeerID, [Multiaddr])
    /// What is known of one peer's addresses.
    case peerAddresses(PeerID, [Multiaddr])
    /// One entry per open connection, in the order they were opened.
    case peers([ConnectedPeer])
    /// The client's connection becomes a persistent one.
    case persistentConnection
    /// The protocols a peer speaks.
    case protocols([ProtocolID])
    /// The client's connection becomes this stream.
    case stream(Stream)
    /// What this daemon is.
    case version(DaemonVersion)
}

/// A peer at the end of one open connection.
package struct ConnectedPeer: Sendable, Hashable {
    package var peer: PeerID
    package var address: Multiaddr
}

/// What this daemon is, for clients that adapt to it.
package struct DaemonVersion: Sendable, Hashable {
    package var version: String
    package var agent: String
    package var personality: ControlPersonality
    package var operations: [String]
}

/// What an operation works with.
package struct OperationContext: Sendable {
    package var services: ControlServices
    package var handlers: HandlerTable
    package var client: ControlClientIdentity
    package var eventLoop: any EventLoop
}

/// Who asks.
package struct ControlClientIdentity: Sendable, Hashable {
    /// As the kernel vouches for; nil over TCP.
    package var owner: HandlerOwner
    package var personality: ControlPersonality
}
