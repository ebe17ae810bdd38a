import LibP2PCore
import Multiformats
import NIOCore

/// Closes all connections to a peer.
package struct Disconnect: Operation {
    package static let declaration = OperationDeclaration(
        name: "disconnect",
        doc: "Closes all connections to a peer; done as well when there are none.",
        protobuf: .init(7),
        parameters: [.init(.peer, "Whom to part from.", isRequired: true)],
        result: .one
    )

    let peer: PeerID

    package init(_ arguments: Arguments) throws(OperationError) {
        self.peer = try arguments.peer()
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        let done = context.services.network.disconnect(self.peer).map { OperationResult.done }
        return .pending(done, deadline: Arguments.defaultTimeout)
    }
}
