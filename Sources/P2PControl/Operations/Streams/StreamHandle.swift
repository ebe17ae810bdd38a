import LibP2PCore

/// Registers where inbound streams of some protocols go.
package struct StreamHandle: Operation {
    package static let declaration = OperationDeclaration(
        name: "stream.handle",
        doc: "Sends inbound streams of these protocols to a socket the client listens on.",
        protobuf: .init(3),
        parameters: [
            .init(.address, "A Unix socket of the client's user, or a port on loopback.", isRequired: true),
            .init(.protocols, "All of them, or none when one cannot be had.", isRequired: true),
            .init(.balanced, "Absent: replace. False: only when there is none. True: take turns."),
        ],
        result: .one
    )

    let address: HandlerAddress
    let protocols: [ProtocolID]
    let policy: RegistrationPolicy

    package init(_ arguments: Arguments) throws(OperationError) {
        self.address = try HandlerAddress(arguments.address())
        self.protocols = try arguments.protocols()
        self.policy =
            switch arguments.boolean(.balanced) {
            case nil: .replace
            case false: .exclusive
            case true: .takeTurns
            }
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        do {
            try context.handlers.register(
                self.address,
                for: self.protocols,
                policy: self.policy,
                owner: context.client.owner
            )
        } catch {
            throw .handler(error)
        }
        return .ready(.done)
    }
}
