import LibP2PCore
import NIOCore

/// Closes connections down to the low water mark.
package struct Trim: Operation {
    package static let declaration = OperationDeclaration(
        name: "connmgr.trim",
        doc: "Closes the connections of least worth, down to the low water mark.",
        protobuf: .init(6, 2),
        parameters: [],
        result: .one
    )

    package init(_ arguments: Arguments) throws(OperationError) {}

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        let done = context.services.connectionManager.trim().map { OperationResult.done }
        return .pending(done, deadline: Arguments.defaultTimeout)
    }
}
