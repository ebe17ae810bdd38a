package import LibP2PCore
package import NIOCore

/// The 16 bytes that tell the calls of a persistent connection apart.
package struct CallID: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// Takes 16 bytes; nil for any other number of them.
    package init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        guard
            bytes.readableBytes == CallID.byteCount,
            let high: UInt64 = bytes.readInteger(), let low: UInt64 = bytes.readInteger()
        else {
            return nil
        }
        self.high = high
        self.low = low
    }

    /// Makes one that nobody can guess.
    package static func random(using generator: inout some RandomNumberGenerator) -> CallID {
        CallID(high: generator.next(), low: generator.next())
    }

    private init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    func write(to buffer: inout ByteBuffer) {
        buffer.writeInteger(self.high)
        buffer.writeInteger(self.low)
    }

    static let byteCount = 16
}

/// What a handler answers: one of two kinds of bytes.
package enum UnaryResult: Sendable, Hashable {
    case error(ByteBuffer)
    case response(ByteBuffer)
}

/// `PersistentConnectionRequest`: what a client asks on a persistent connection, and what daemons say to each other.
///
/// Decoded by hand and not by the generated code: the payload, up to megabytes of it, stays a slice of what was received.
package struct PersistentRequest: Sendable, Hashable {
    package enum Message: Sendable, Hashable {
        case addUnaryHandler(protocolName: String, isBalanced: Bool)
        case callUnary(peer: [UInt8], protocolName: String, data: ByteBuffer)
        case cancel
        case removeUnaryHandler(protocolName: String)
        case unaryResponse(UnaryResult)
    }

    /// nil when it is absent or has not 16 bytes: such requests are not answered.
    package var callID: CallID?
    /// nil when there is none, or one we do not know.
    package var message: Message?

    /// Decodes one message, without its length.
    package init(_ frame: ByteBuffer) throws(ProtobufWire.Malformed) {
        var frame = frame
        while let field = try ProtobufWire.readField(&frame) {
            guard case .bytes(let value) = field.value else { continue }
            switch field.number {
            case 1: self.callID = CallID(value)
            case 2: self.message = try PersistentRequest.addUnaryHandler(value)
            case 3: self.message = try PersistentRequest.callUnary(value)
            case 4: self.message = .unaryResponse(try PersistentRequest.result(value))
            case 5: self.message = .cancel
            case 6: self.message = .removeUnaryHandler(protocolName: try PersistentRequest.protocolName(value))
            default: break
            }
        }
    }

    /// For fuzzing: decodes bytes as `init(_: ByteBuffer)`.
    package init(bytes: [UInt8]) throws(ProtobufWire.Malformed) {
        try self.init(ByteBuffer(bytes: bytes))
    }

    private static func addUnaryHandler(_ value: ByteBuffer) throws(ProtobufWire.Malformed) -> Message {
        var value = value
        var name = ""
        var isBalanced = false
        while let field = try ProtobufWire.readField(&value) {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)): name = try PersistentRequest.text(bytes)
            case (2, .varint(let number)): isBalanced = number != 0
            default: break
            }
        }
        return .addUnaryHandler(protocolName: name, isBalanced: isBalanced)
    }

    private static func callUnary(_ value: ByteBuffer) throws(ProtobufWire.Malformed) -> Message {
        var value = value
        var peer: [UInt8] = []
        var name = ""
        var data = ByteBuffer()
        while let field = try ProtobufWire.readField(&value) {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)) where bytes.readableBytes <= PersistentRequest.maximumPeerBytes:
                peer = [UInt8](bytes.readableBytesView)
            case (1, .bytes): throw ProtobufWire.Malformed()
            case (2, .bytes(let bytes)): name = try PersistentRequest.text(bytes)
            case (3, .bytes(let bytes)): data = bytes
            default: break
            }
        }
        return .callUnary(peer: peer, protocolName: name, data: data)
    }

    private static func result(_ value: ByteBuffer) throws(ProtobufWire.Malformed) -> UnaryResult {
        var value = value
        var result: UnaryResult?
        while let field = try ProtobufWire.readField(&value) {
            switch (field.number, field.value) {
            case (1, .bytes(let bytes)): result = .response(bytes)
            case (2, .bytes(let bytes)): result = .error(bytes)
            default: break
            }
        }
        // Clients wait for one of the two and would wait for ever.
        return result ?? .error(ByteBuffer(string: "the handler's answer has neither a response nor an error"))
    }

    private static func protocolName(_ value: ByteBuffer) throws(ProtobufWire.Malformed) -> String {
        var value = value
        var name = ""
        while let field = try ProtobufWire.readField(&value) {
            if case (1, .bytes(let bytes)) = (field.number, field.value) {
                name = try PersistentRequest.text(bytes)
            }
        }
        return name
    }

    /// A protocol's name: bounded before it is turned into a string.
    private static func text(_ bytes: ByteBuffer) throws(ProtobufWire.Malformed) -> String {
        guard
            bytes.readableBytes <= ProtocolName.maximumBytes,
            let text = String(validating: bytes.readableBytesView, as: UTF8.self)
        else {
            throw ProtobufWire.Malformed()
        }
        return text
    }

    private static let maximumPeerBytes = 1024
}

/// An encoded message with its length, in two parts so that the payload is not copied.
package struct UnaryFrame: Sendable, Hashable {
    package var head: ByteBuffer
    package var payload: ByteBuffer

    package var readableBytes: Int { self.head.readableBytes + self.payload.readableBytes }

    /// Writes both parts to a stream; small ones as one, because every write has a header of its own there.
    func write(to stream: Stream, promise: EventLoopPromise<Void>? = nil) {
        if self.payload.readableBytes <= UnaryFrame.copyLimitBytes {
            var whole = self.head
            whole.writeImmutableBuffer(self.payload)
            stream.write(whole, promise: promise)
        } else {
            stream.write(self.head)
            stream.write(self.payload, promise: promise)
        }
    }

    /// Below this, copying costs less than a second write.
    private static let copyLimitBytes = 16_384
}

extension UnaryFrame {
    /// A message that was received, as it stands.
    package static func verbatim(_ message: ByteBuffer) -> UnaryFrame {
        var head = ByteBuffer()
        FrameEncoder.writeLength(message.readableBytes, to: &head)
        return UnaryFrame(head: head, payload: message)
    }

    /// To a client: its request is done.
    package static func acknowledgement(_ callID: CallID) -> UnaryFrame {
        UnaryFrame.make(callID)
    }

    /// To a client: its request failed.
    package static func daemonError(_ callID: CallID, _ message: String) -> UnaryFrame {
        var inner = ByteBuffer()
        ProtobufWire.writeFieldHead(1, length: message.utf8.count, to: &inner)
        inner.writeString(message)
        return UnaryFrame.make(callID, number: 4, inner: inner)
    }

    /// To a client: its call is cancelled; to a handler: the caller does not wait any more.
    package static func cancel(_ callID: CallID) -> UnaryFrame {
        UnaryFrame.make(callID, number: 5, inner: ByteBuffer())
    }

    /// To a client: what the peer answered.
    package static func callUnaryResponse(_ callID: CallID, _ result: UnaryResult) -> UnaryFrame {
        UnaryFrame.make(callID, number: 2, result: result)
    }

    /// To the calling daemon: what our handler answered.
    package static func unaryResponse(_ callID: CallID, _ result: UnaryResult) -> UnaryFrame {
        UnaryFrame.make(callID, number: 4, result: result)
    }

    /// To a handler: a call to answer. All three fields are written, as the clients require them.
    package static func requestHandling(
        _ callID: CallID,
        caller: [UInt8],
        protocolID: ProtocolID,
        data: ByteBuffer
    ) -> UnaryFrame {
        let name = protocolID.rawValue
        var inner = ByteBuffer()
        ProtobufWire.writeFieldHead(1, length: caller.count, to: &inner)
        inner.writeBytes(caller)
        ProtobufWire.writeFieldHead(2, length: name.utf8.count, to: &inner)
        inner.writeString(name)
        ProtobufWire.writeFieldHead(3, length: data.readableBytes, to: &inner)
        return UnaryFrame.make(callID, number: 3, inner: inner, payload: data)
    }

    private static func make(_ callID: CallID, number: UInt8, result: UnaryResult) -> UnaryFrame {
        var inner = ByteBuffer()
        switch result {
        case .response(let payload):
            ProtobufWire.writeFieldHead(1, length: payload.readableBytes, to: &inner)
            return UnaryFrame.make(callID, number: number, inner: inner, payload: payload)
        case .error(let payload):
            ProtobufWire.writeFieldHead(2, length: payload.readableBytes, to: &inner)
            return UnaryFrame.make(callID, number: number, inner: inner, payload: payload)
        }
    }

    private static func make(
        _ callID: CallID,
        number: UInt8? = nil,
        inner: ByteBuffer = ByteBuffer(),
        payload: ByteBuffer = ByteBuffer()
    ) -> UnaryFrame {
        let innerBytes = inner.readableBytes + payload.readableBytes
        let memberBytes = number == nil ? 0 : ProtobufWire.fieldBytes(length: innerBytes)
        var head = ByteBuffer()
        FrameEncoder.writeLength(ProtobufWire.fieldBytes(length: CallID.byteCount) + memberBytes, to: &head)
        ProtobufWire.writeFieldHead(1, length: CallID.byteCount, to: &head)
        callID.write(to: &head)
        if let number {
            ProtobufWire.writeFieldHead(number, length: innerBytes, to: &head)
            head.writeImmutableBuffer(inner)
        }
        return UnaryFrame(head: head, payload: payload)
    }
}
