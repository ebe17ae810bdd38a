import LibP2PCore
import Multiformats
import NIOCore

/// Opens a stream, which the client's connection becomes.
package struct StreamOpen: Operation {
    package static let declaration = OperationDeclaration(
        name: "stream.open",
        doc: "Opens a stream to a peer, connecting first when needed.",
        protobuf: .init(2),
        parameters: [
            .init(.peer, "Whom to speak with.", isRequired: true),
            .init(.protocols, "The first that the peer speaks is used.", isRequired: true),
            .init(.timeout, "Seconds; 60 when absent or not positive."),
        ],
        result: .stream
    )

    let peer: PeerID
    let protocols: [ProtocolID]
    let timeout: TimeAmount

    package init(_ arguments: Arguments) throws(OperationError) {
        self.peer = try arguments.peer()
        self.protocols = try arguments.protocols()
        self.timeout = arguments.timeout()
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        let stream = context.services.network
            .openStream(to: self.peer, protocols: self.protocols, timeout: self.timeout)
            .map { OperationResult.stream($0) }
        return .pending(stream, deadline: self.timeout)
    }
}
