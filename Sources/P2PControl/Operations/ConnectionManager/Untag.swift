import LibP2PCore
import Multiformats

/// Takes a tag from a peer.
package struct Untag: Operation {
    package static let declaration = OperationDeclaration(
        name: "connmgr.untag",
        doc: "Takes back a tag.",
        protobuf: .init(6, 1),
        parameters: [
            .init(.peer, "Whose connections.", isRequired: true),
            .init(.tag, "The name of the tag.", isRequired: true),
        ],
        result: .one
    )

    let peer: PeerID
    let tag: String

    package init(_ arguments: Arguments) throws(OperationError) {
        self.peer = try arguments.peer()
        self.tag = try arguments.tag()
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        context.services.connectionManager.untag(self.peer, tag: self.tag)
        return .ready(.done)
    }
}
