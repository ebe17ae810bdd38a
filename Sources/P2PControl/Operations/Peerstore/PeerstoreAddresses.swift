import LibP2PCore
import Multiformats
import NIOCore

/// Tells where a peer is.
package struct PeerstoreAddresses: Operation {
    package static let declaration = OperationDeclaration(
        name: "peerstore.addresses",
        doc: "Tells the addresses a peer is known to have.",
        protobuf: .init(9, 2),
        parameters: [.init(.peer, "Whom to look up.", isRequired: true)],
        result: .one
    )

    let peer: PeerID

    package init(_ arguments: Arguments) throws(OperationError) {
        self.peer = try arguments.peer()
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        let now = context.eventLoop.now
        return .ready(.peerAddresses(self.peer, context.services.peerstore.addresses(of: self.peer, now: now)))
    }
}
