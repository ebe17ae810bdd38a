package import NIOCore
import SwiftProtobuf

/// Reads requests of the protobuf encoding.
package enum ProtobufRequest {
    /// What one message asks.
    package struct Decoded: Sendable {
        package let operation: any Operation.Type
        package let arguments: Arguments
    }

    /// Why a message is no request.
    package enum Failure: Error, Sendable, Hashable {
        /// It cannot be understood at all: the client is told and parted from.
        case malformed(String)
        /// It is understood and cannot be done: the client is told and may go on.
        case refused(OperationError)
    }

    /// Decodes one message, without its length.
    package static func decode(_ message: ByteBuffer) throws(Failure) -> Decoded {
        guard message.readableBytes > 0 else {
            throw .malformed("empty request")
        }
        let request: ProtoRequest
        do {
            guard try !ProtobufWire.exceeds(fields: ProtobufRequest.maximumFields, message: message) else {
                throw Failure.malformed("request with too many fields")
            }
            request = try ProtoRequest(serializedBytes: [UInt8](message.readableBytesView))
        } catch let failure as Failure {
            throw failure
        } catch {
            throw .malformed("request is not a protobuf message")
        }
        guard request.hasType else {
            throw .malformed("request without a known type")
        }
        return try ProtobufRequest.decode(request)
    }

    /// For fuzzing: decodes bytes as `decode(_: ByteBuffer)`.
    package static func decode(_ bytes: [UInt8]) throws(Failure) -> Decoded {
        try ProtobufRequest.decode(ByteBuffer(bytes: bytes))
    }

    private static func decode(_ request: ProtoRequest) throws(Failure) -> Decoded {
        let type = request.type.rawValue
        switch request.type {
        case .identify, .listPeers, .version:
            return try self.decoded(type, nil, Arguments())
        case .connect:
            return try self.decoded(type, nil, request.hasConnect ? request.connect.arguments : nil)
        case .streamOpen:
            return try self.decoded(type, nil, request.hasStreamOpen ? request.streamOpen.arguments : nil)
        case .streamHandler:
            return try self.decoded(type, nil, request.hasStreamHandler ? request.streamHandler.arguments : nil)
        case .disconnect:
            return try self.decoded(type, nil, request.hasDisconnect ? request.disconnect.arguments : nil)
        case .removeStreamHandler:
            return try self.decoded(type, nil, try self.removeStreamHandler(request))
        case .connmanager:
            let manager = request.hasConnManager ? request.connManager : nil
            return try self.decoded(type, manager.map { $0.hasType ? $0.type.rawValue : -1 }, manager?.arguments)
        case .dht:
            // Whether it is enabled is checked before anything else, and it is not.
            throw .refused(.dhtNotEnabled)
        case .pubsub:
            throw .refused(.pubSubNotEnabled)
        case .persistentConnUpgradeOrPeerstore:
            return try self.persistentUpgradeOrPeerstore(request)
        }
    }

    private static func decoded(_ type: Int, _ subtype: Int?, _ arguments: Arguments?) throws(Failure) -> Decoded {
        guard let arguments else {
            throw .refused(.missing("parameters"))
        }
        guard let operation = OperationTable.operation(.init(type, subtype)) else {
            throw .refused(.unexpectedRequest)
        }
        return Decoded(operation: operation, arguments: arguments)
    }

    private static func removeStreamHandler(_ request: ProtoRequest) throws(Failure) -> Arguments? {
        guard request.hasRemoveStreamHandlerOrPeerstore else {
            return nil
        }
        do {
            let bytes = [UInt8](request.removeStreamHandlerOrPeerstore)
            return try ProtoRemoveStreamHandlerRequest(serializedBytes: bytes).arguments
        } catch {
            throw .malformed("request is not a protobuf message")
        }
    }

    /// Two daemons have given the number 9 two meanings; field 9 tells which one is meant.
    private static func persistentUpgradeOrPeerstore(_ request: ProtoRequest) throws(Failure) -> Decoded {
        guard request.hasRemoveStreamHandlerOrPeerstore else {
            return try self.decoded(9, nil, Arguments())
        }
        let peerstore: ProtoPeerstoreRequest
        do {
            peerstore = try ProtoPeerstoreRequest(serializedBytes: [UInt8](request.removeStreamHandlerOrPeerstore))
        } catch {
            throw .malformed("request is not a protobuf message")
        }
        return try self.decoded(9, peerstore.type.rawValue, peerstore.arguments)
    }

    /// Fields of a request, and of each message in it, that a decoder is given at most.
    private static let maximumFields = 2048
}

// What the messages hold, as arguments. Presence is what counts: an empty peer ID is there, and wrong.

extension ProtoConnectRequest {
    fileprivate var arguments: Arguments {
        var arguments = Arguments()
        if self.hasPeer { arguments[.peer] = .bytes([UInt8](self.peer)) }
        arguments[.addresses] = .list(self.addrs.map { .bytes([UInt8]($0)) })
        if self.hasTimeout { arguments[.timeout] = .integer(self.timeout) }
        return arguments
    }
}

extension ProtoStreamOpenRequest {
    fileprivate var arguments: Arguments {
        var arguments = Arguments()
        if self.hasPeer { arguments[.peer] = .bytes([UInt8](self.peer)) }
        arguments[.protocols] = .list(self.proto.map { .text($0) })
        if self.hasTimeout { arguments[.timeout] = .integer(self.timeout) }
        return arguments
    }
}

extension ProtoStreamHandlerRequest {
    fileprivate var arguments: Arguments {
        var arguments = Arguments()
        if self.hasAddr { arguments[.address] = .bytes([UInt8](self.addr)) }
        arguments[.protocols] = .list(self.proto.map { .text($0) })
        if self.hasBalanced { arguments[.balanced] = .boolean(self.balanced) }
        return arguments
    }
}

extension ProtoRemoveStreamHandlerRequest {
    fileprivate var arguments: Arguments {
        var arguments = Arguments()
        if self.hasAddr { arguments[.address] = .bytes([UInt8](self.addr)) }
        arguments[.protocols] = .list(self.proto.map { .text($0) })
        return arguments
    }
}

extension ProtoDisconnectRequest {
    fileprivate var arguments: Arguments {
        var arguments = Arguments()
        if self.hasPeer { arguments[.peer] = .bytes([UInt8](self.peer)) }
        return arguments
    }
}

extension ProtoConnManagerRequest {
    fileprivate var arguments: Arguments {
        var arguments = Arguments()
        if self.hasPeer { arguments[.peer] = .bytes([UInt8](self.peer)) }
        if self.hasTag { arguments[.tag] = .text(self.tag) }
        if self.hasWeight { arguments[.weight] = .integer(self.weight) }
        return arguments
    }
}

extension ProtoPeerstoreRequest {
    fileprivate var arguments: Arguments {
        var arguments = Arguments()
        if self.hasID { arguments[.peer] = .bytes([UInt8](self.id)) }
        arguments[.protocols] = .list(self.protos.map { .text($0) })
        return arguments
    }
}
