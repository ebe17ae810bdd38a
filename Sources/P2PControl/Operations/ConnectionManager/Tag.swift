import LibP2PCore
import Multiformats

/// Gives a peer a weighted tag.
package struct Tag: Operation {
    package static let declaration = OperationDeclaration(
        name: "connmgr.tag",
        doc: "Raises or lowers what a peer's connections are worth when connections are trimmed.",
        protobuf: .init(6, 0),
        parameters: [
            .init(.peer, "Whose connections.", isRequired: true),
            .init(.tag, "The name of the tag.", isRequired: true),
            .init(.weight, "Added to the worth; 0 when absent."),
        ],
        result: .one
    )

    let peer: PeerID
    let tag: String
    let weight: Int64

    package init(_ arguments: Arguments) throws(OperationError) {
        self.peer = try arguments.peer()
        self.tag = try arguments.tag()
        self.weight = arguments.integer(.weight) ?? 0
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        context.services.connectionManager.tag(self.peer, tag: self.tag, weight: self.weight)
        return .ready(.done)
    }
}
