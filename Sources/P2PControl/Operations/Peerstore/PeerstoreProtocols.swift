import LibP2PCore
import Multiformats

/// Tells which protocols a peer speaks.
package struct PeerstoreProtocols: Operation {
    package static let declaration = OperationDeclaration(
        name: "peerstore.protocols",
        doc: "Tells which protocols a peer is known to speak.",
        protobuf: .init(9, 1),
        parameters: [.init(.peer, "Whom to look up.", isRequired: true)],
        result: .one
    )

    let peer: PeerID

    package init(_ arguments: Arguments) throws(OperationError) {
        self.peer = try arguments.peer()
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        .ready(.protocols(context.services.peerstore.protocols(of: self.peer)))
    }
}
