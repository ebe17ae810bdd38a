/// What an operation is called, what it takes and gives: read by the encodings, the help texts and the documentation.
package struct OperationDeclaration: Sendable {
    /// `area.verb`, or a verb alone.
    package var name: String
    /// One sentence.
    package var doc: String
    /// Where it stands in the protobuf encoding; nil where it has no number there.
    package var protobuf: ProtobufNumber?
    package var parameters: [Parameter]
    package var result: ResultForm

    /// The type of a protobuf request, and the type inside its sub-message where there are several.
    package struct ProtobufNumber: Sendable, Hashable {
        package var type: Int
        package var subtype: Int?

        package init(_ type: Int, _ subtype: Int? = nil) {
            self.type = type
            self.subtype = subtype
        }
    }

    /// How the operation answers.
    package enum ResultForm: Sendable, Hashable {
        /// One answer.
        case one
        /// The connection becomes a persistent one.
        case persistentConnection
        /// Any number of items, then an end.
        case many
        /// After the answer the connection is a stream of bytes.
        case stream
    }

    /// One argument.
    package struct Parameter: Sendable, Hashable {
        package var name: ParameterName
        package var doc: String
        package var isRequired: Bool

        package init(_ name: ParameterName, _ doc: String, isRequired: Bool = false) {
            self.name = name
            self.doc = doc
            self.isRequired = isRequired
        }
    }
}

/// The arguments that operations know, by the name they have in JSON.
package enum ParameterName: String, Sendable, Hashable, CaseIterable {
    case address = "addr"
    case addresses = "addrs"
    case balanced
    case cid
    case count
    case data
    case key
    case peer
    case protocols
    case tag
    case timeout
    case topic
    case value
    case weight
}
