package import NIOCore

/// The protobuf wire format over byte buffers, for messages whose payload must not be copied and for limits before decoding. Pure.
package enum ProtobufWire {
    /// One field: its number and its value.
    package struct Field: Sendable, Hashable {
        package let number: UInt64
        package let value: Value
    }

    package enum Value: Sendable, Hashable {
        case bytes(ByteBuffer)
        case fixed32
        case fixed64
        case varint(UInt64)
    }

    /// The bytes are no protobuf message.
    package struct Malformed: Error, Sendable, Hashable {}

    /// Takes the next field of a message; nil at its end.
    package static func readField(_ message: inout ByteBuffer) throws(Malformed) -> Field? {
        guard message.readableBytes > 0 else {
            return nil
        }
        guard let key = ProtobufWire.readVarint(&message), key >> 3 > 0, key >> 3 <= 0x1fff_ffff else {
            throw Malformed()
        }
        switch key & 7 {
        case 0:
            guard let value = ProtobufWire.readVarint(&message) else { throw Malformed() }
            return Field(number: key >> 3, value: .varint(value))
        case 1:
            guard message.readSlice(length: 8) != nil else { throw Malformed() }
            return Field(number: key >> 3, value: .fixed64)
        case 2:
            guard
                let length = ProtobufWire.readVarint(&message), length <= UInt64(message.readableBytes),
                let slice = message.readSlice(length: Int(length))
            else { throw Malformed() }
            return Field(number: key >> 3, value: .bytes(slice))
        case 5:
            guard message.readSlice(length: 4) != nil else { throw Malformed() }
            return Field(number: key >> 3, value: .fixed32)
        default:
            // Groups: no message of ours has any.
            throw Malformed()
        }
    }

    /// Whether a message, or one of the messages in it, has more fields than a decoder should be asked to store.
    ///
    /// A field of two bytes becomes an object of dozens: four megabytes of them would become hundreds.
    package static func exceeds(fields limit: Int, message: ByteBuffer) throws(Malformed) -> Bool {
        var outer = message
        var outerCount = 0
        while let field = try ProtobufWire.readField(&outer) {
            outerCount += 1
            guard outerCount <= limit else { return true }
            guard case .bytes(var inner) = field.value else { continue }
            var innerCount = 0
            // What is malformed inside may be text or bytes; the decoder knows.
            while (try? ProtobufWire.readField(&inner)).flatMap({ $0 }) != nil {
                innerCount += 1
                guard innerCount <= limit else { return true }
            }
        }
        return false
    }

    static func readVarint(_ buffer: inout ByteBuffer) -> UInt64? {
        var value: UInt64 = 0
        for index in 0..<10 {
            guard let byte: UInt8 = buffer.readInteger() else { return nil }
            let bits = UInt64(byte & 0x7f)
            guard index < 9 || bits <= 1 else { return nil }
            value |= bits << UInt64(7 * index)
            if byte < 0x80 {
                return value
            }
        }
        return nil
    }

    static func writeVarint(_ value: UInt64, to buffer: inout ByteBuffer) {
        var rest = value
        while rest >= 0x80 {
            buffer.writeInteger(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        buffer.writeInteger(UInt8(truncatingIfNeeded: rest))
    }

    static func varintBytes(_ value: UInt64) -> Int {
        value == 0 ? 1 : (UInt64.bitWidth - value.leadingZeroBitCount + 6) / 7
    }

    /// Bytes that a length-delimited field with a number below 16 takes.
    static func fieldBytes(length: Int) -> Int {
        1 + ProtobufWire.varintBytes(UInt64(length)) + length
    }

    /// Writes key and length of a length-delimited field with a number below 16.
    static func writeFieldHead(_ number: UInt8, length: Int, to buffer: inout ByteBuffer) {
        buffer.writeInteger(number << 3 | 2)
        ProtobufWire.writeVarint(UInt64(length), to: &buffer)
    }
}
