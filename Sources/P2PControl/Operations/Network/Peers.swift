import LibP2PCore

/// Lists the open connections.
package struct Peers: Operation {
    package static let declaration = OperationDeclaration(
        name: "peers",
        doc: "Lists the connected peers with the address of each connection.",
        protobuf: .init(5),
        parameters: [],
        result: .one
    )

    package init(_ arguments: Arguments) throws(OperationError) {}

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        let peers = context.services.network.connections.map {
            ConnectedPeer(peer: $0.remotePeer, address: $0.remoteAddress)
        }
        return .ready(.peers(peers))
    }
}
