import LibP2PCore
import Multiformats

/// Takes back what `stream.handle` registered.
package struct StreamUnhandle: Operation {
    package static let declaration = OperationDeclaration(
        name: "stream.unhandle",
        doc: "Stops sending inbound streams of these protocols to a socket.",
        protobuf: .init(10),
        parameters: [
            .init(.address, "As it was registered.", isRequired: true),
            .init(.protocols, "All of them, or none when one is not registered.", isRequired: true),
        ],
        result: .one
    )

    let address: Multiaddr
    let protocols: [ProtocolID]

    package init(_ arguments: Arguments) throws(OperationError) {
        self.address = try arguments.address()
        self.protocols = try arguments.protocols()
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        do {
            try context.handlers.unregister(self.address, for: self.protocols, owner: context.client.owner)
        } catch {
            throw .handler(error)
        }
        return .ready(.done)
    }
}
