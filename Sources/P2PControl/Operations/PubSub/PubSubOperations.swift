// What clients can ask of publish-subscribe. There is none yet: each answers so, before anything else is checked.

/// Lists the topics this host is subscribed to.
package struct PubSubTopics: Operation {
    package static let declaration = OperationDeclaration(
        name: "pubsub.topics",
        doc: "Lists the topics this host is subscribed to.",
        protobuf: .init(8, 0),
        parameters: [],
        result: .one
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .pubSubNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .pubSubNotEnabled
    }
}

/// Lists the peers of a topic.
package struct PubSubPeers: Operation {
    package static let declaration = OperationDeclaration(
        name: "pubsub.peers",
        doc: "Lists the peers of a topic.",
        protobuf: .init(8, 1),
        parameters: [
            .init(.topic, "The topic.", isRequired: true)
        ],
        result: .one
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .pubSubNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .pubSubNotEnabled
    }
}

/// Sends a message to a topic.
package struct PubSubPublish: Operation {
    package static let declaration = OperationDeclaration(
        name: "pubsub.publish",
        doc: "Sends a message to a topic.",
        protobuf: .init(8, 2),
        parameters: [
            .init(.topic, "The topic.", isRequired: true),
            .init(.data, "The message.", isRequired: true),
        ],
        result: .one
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .pubSubNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .pubSubNotEnabled
    }
}

/// Receives the messages of a topic until the client parts.
package struct PubSubSubscribe: Operation {
    package static let declaration = OperationDeclaration(
        name: "pubsub.subscribe",
        doc: "Receives the messages of a topic until the client parts.",
        protobuf: .init(8, 3),
        parameters: [
            .init(.topic, "The topic.", isRequired: true)
        ],
        result: .many
    )

    package init(_ arguments: Arguments) throws(OperationError) {
        throw .pubSubNotEnabled
    }

    package func run(in context: OperationContext) throws(OperationError) -> OperationOutcome {
        throw .pubSubNotEnabled
    }
}
