package import LibP2PCore
package import Multiformats
package import NIOCore

/// What a client sent with a request, before it is parsed: the same for every encoding.
package struct Arguments: Sendable {
    /// One argument. Peer IDs and addresses come as bytes from protobuf and as text from JSON.
    package enum Value: Sendable, Hashable {
        case boolean(Bool)
        case bytes([UInt8])
        case integer(Int64)
        case list([Value])
        case text(String)
    }

    // Not a dictionary: an operation has at most five arguments.
    private var values: [(name: ParameterName, value: Value)] = []

    package init() {}

    package subscript(name: ParameterName) -> Value? {
        get { self.values.first { $0.name == name }?.value }
        set {
            self.values.removeAll { $0.name == name }
            if let newValue {
                self.values.append((name, newValue))
            }
        }
    }
}

extension Arguments {
    /// The peer asked about.
    /// - Throws: `.missing` when it is absent, `.invalid` when it is no peer ID.
    package func peer() throws(OperationError) -> PeerID {
        do {
            switch self[.peer] {
            case .bytes(let bytes): return try PeerID(bytes: bytes)
            case .text(let text): return try PeerID(text)
            case nil, .boolean, .integer, .list: throw OperationError.missing("parameters")
            }
        } catch let error as OperationError {
            throw error
        } catch {
            throw .invalid(String(describing: error))
        }
    }

    /// The one address given.
    /// - Throws: `.missing` when it is absent, `.invalid` with the parser's words.
    package func address() throws(OperationError) -> Multiaddr {
        guard let value = self[.address] else {
            throw .missing("parameters")
        }
        return try Arguments.address(value)
    }

    /// The addresses given; empty when there are none. The first that cannot be parsed fails the request.
    package func addresses() throws(OperationError) -> [Multiaddr] {
        guard case .list(let values) = self[.addresses] else {
            return []
        }
        guard values.count <= Arguments.maximumListCount else {
            throw .invalid("too many addresses: \(values.count) of at most \(Arguments.maximumListCount)")
        }
        var addresses: [Multiaddr] = []
        addresses.reserveCapacity(values.count)
        for value in values {
            addresses.append(try Arguments.address(value))
        }
        return addresses
    }

    /// The protocols given, in order; empty when there are none.
    package func protocols() throws(OperationError) -> [ProtocolID] {
        guard case .list(let values) = self[.protocols] else {
            return []
        }
        guard values.count <= Arguments.maximumListCount else {
            throw .invalid("too many protocols: \(values.count) of at most \(Arguments.maximumListCount)")
        }
        var protocols: [ProtocolID] = []
        protocols.reserveCapacity(values.count)
        for value in values {
            guard case .text(let name) = value, ProtocolName.isValid(name) else {
                throw .invalid(
                    "invalid protocol name: 1 to \(ProtocolName.maximumBytes) bytes without a newline are allowed"
                )
            }
            protocols.append(ProtocolID(name))
        }
        return protocols
    }

    /// How long the client allows: seconds; absent, zero and negative mean 60, more than a day means a day.
    package func timeout() -> TimeAmount {
        guard case .integer(let seconds) = self[.timeout], seconds > 0 else {
            return Arguments.defaultTimeout
        }
        return .seconds(min(seconds, Arguments.maximumTimeoutSeconds))
    }

    /// A tag of the connection manager.
    package func tag() throws(OperationError) -> String {
        guard case .text(let tag) = self[.tag], !tag.isEmpty else {
            throw .missing("tag parameter")
        }
        guard tag.utf8.count <= Arguments.maximumTagBytes else {
            throw .invalid("tag longer than \(Arguments.maximumTagBytes) bytes")
        }
        return tag
    }

    /// A whole number; nil when absent.
    package func integer(_ name: ParameterName) -> Int64? {
        guard case .integer(let value) = self[name] else {
            return nil
        }
        return value
    }

    /// A truth value; nil when absent, which is not the same as false.
    package func boolean(_ name: ParameterName) -> Bool? {
        guard case .boolean(let value) = self[name] else {
            return nil
        }
        return value
    }

    private static func address(_ value: Value) throws(OperationError) -> Multiaddr {
        do {
            switch value {
            case .bytes(let bytes): return try Multiaddr(bytes: bytes)
            case .text(let text): return try Multiaddr(text)
            case .boolean, .integer, .list: throw OperationError.missing("parameters")
            }
        } catch let error as OperationError {
            throw error
        } catch {
            throw .invalid(String(describing: error))
        }
    }

    package static let defaultTimeout = TimeAmount.seconds(60)
    package static let maximumTimeoutSeconds: Int64 = 86_400
    package static let maximumListCount = 1024
    package static let maximumTagBytes = 256
}

/// What may be the name of a protocol.
package enum ProtocolName {
    /// multistream-select's message holds 1024 bytes with its length and its newline.
    package static let maximumBytes = 1022

    package static func isValid(_ name: String) -> Bool {
        let bytes = name.utf8
        return !bytes.isEmpty && bytes.count <= ProtocolName.maximumBytes && !bytes.contains(UInt8(ascii: "\n"))
    }
}
