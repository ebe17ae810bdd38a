import LibP2PCore

/// Tells who the host is.
package struct Identify: Operation {
    package static let declaration = OperationDeclaration(
        name: "identify",
        doc: "Tells the host's peer ID and the addresses it can be reached at.",
        protobuf: .init(0),
        parameters: [],
        result: .one
    )

    package init(_ arguments: Arguments) throws(OperationError) {}

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        .ready(.identity(context.services.network.localPeer, context.services.advertisedAddresses()))
    }
}
