/// Makes the connection a persistent one, on which unary calls are made and answered.
package struct PersistentUpgrade: Operation {
    package static let declaration = OperationDeclaration(
        name: "persistent",
        doc: "Makes this connection a persistent one, for unary calls and their handlers.",
        protobuf: .init(9),
        parameters: [],
        result: .persistentConnection
    )

    package init(_ arguments: Arguments) throws(OperationError) {}

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        .ready(.persistentConnection)
    }
}
