// What clients can ask of the distributed hash table. There is none yet: each answers so, before anything else is checked.

/// Finds the addresses of a peer.
package struct DHTFindPeer: Operation {
    package static let declaration = OperationDeclaration(
        name: "dht.find_peer",
        doc: "Finds the addresses of a peer.",
        protobuf: .init(4, 0),
        parameters: [
            .init(.peer, "Whom to find.", isRequired: true)
        ],
        result: .one
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .dhtNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .dhtNotEnabled
    }
}

/// Finds peers connected to a peer.
package struct DHTFindPeersConnectedToPeer: Operation {
    package static let declaration = OperationDeclaration(
        name: "dht.find_peers_connected_to_peer",
        doc: "Finds peers connected to a peer.",
        protobuf: .init(4, 1),
        parameters: [
            .init(.peer, "Whom to ask about.", isRequired: true)
        ],
        result: .many
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .dhtNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .dhtNotEnabled
    }
}

/// Finds peers that provide a piece of content.
package struct DHTFindProviders: Operation {
    package static let declaration = OperationDeclaration(
        name: "dht.find_providers",
        doc: "Finds peers that provide a piece of content.",
        protobuf: .init(4, 2),
        parameters: [
            .init(.cid, "The content.", isRequired: true),
            .init(.count, "At most so many; 20 when absent."),
        ],
        result: .many
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .dhtNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .dhtNotEnabled
    }
}

/// Finds the peers closest to a key.
package struct DHTGetClosestPeers: Operation {
    package static let declaration = OperationDeclaration(
        name: "dht.get_closest_peers",
        doc: "Finds the peers closest to a key.",
        protobuf: .init(4, 3),
        parameters: [
            .init(.key, "The key.", isRequired: true)
        ],
        result: .many
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .dhtNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .dhtNotEnabled
    }
}

/// Finds the public key of a peer.
package struct DHTGetPublicKey: Operation {
    package static let declaration = OperationDeclaration(
        name: "dht.get_public_key",
        doc: "Finds the public key of a peer.",
        protobuf: .init(4, 4),
        parameters: [
            .init(.peer, "Whose key.", isRequired: true)
        ],
        result: .one
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .dhtNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .dhtNotEnabled
    }
}

/// Finds the best value of a key.
package struct DHTGetValue: Operation {
    package static let declaration = OperationDeclaration(
        name: "dht.get_value",
        doc: "Finds the best value of a key.",
        protobuf: .init(4, 5),
        parameters: [
            .init(.key, "The key.", isRequired: true)
        ],
        result: .one
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .dhtNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .dhtNotEnabled
    }
}

/// Finds better and better values of a key.
package struct DHTSearchValue: Operation {
    package static let declaration = OperationDeclaration(
        name: "dht.search_value",
        doc: "Finds better and better values of a key.",
        protobuf: .init(4, 6),
        parameters: [
            .init(.key, "The key.", isRequired: true)
        ],
        result: .many
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .dhtNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .dhtNotEnabled
    }
}

/// Stores a value.
package struct DHTPutValue: Operation {
    package static let declaration = OperationDeclaration(
        name: "dht.put_value",
        doc: "Stores a value.",
        protobuf: .init(4, 7),
        parameters: [
            .init(.key, "The key.", isRequired: true),
            .init(.value, "The value.", isRequired: true),
        ],
        result: .one
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .dhtNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .dhtNotEnabled
    }
}

/// Announces that this host provides a piece of content.
package struct DHTProvide: Operation {
    package static let declaration = OperationDeclaration(
        name: "dht.provide",
        doc: "Announces that this host provides a piece of content.",
        protobuf: .init(4, 8),
        parameters: [
            .init(.cid, "The content.", isRequired: true)
        ],
        result: .one
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .dhtNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .dhtNotEnabled
    }
}
