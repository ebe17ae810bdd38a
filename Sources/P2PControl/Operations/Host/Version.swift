/// Tells what the daemon is. Older daemons close the connection instead, which is how clients tell them apart.
package struct Version: Operation {
    package static let declaration = OperationDeclaration(
        name: "version",
        doc: "Tells the daemon's version, how it behaves and which operations it knows.",
        protobuf: .init(100),
        parameters: [],
        result: .one
    )

    package init(_ arguments: Arguments) throws(OperationError) {}

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        .ready(
            .version(
                DaemonVersion(
                    version: context.services.version,
                    agent: context.services.agent,
                    personality: context.client.personality,
                    operations: OperationTable.names
                )
            )
        )
    }
}
