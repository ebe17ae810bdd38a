/// Walks the fields of a protobuf message that was bounded before, without copying them.
///
/// For the few messages that are hashed or signed as bytes or that hold secrets; everything else is decoded by SwiftProtobuf.
struct ProtobufReader {
    /// One field: its number and its value.
    enum Field {
        case varint(UInt64, UInt64)
        case bytes(UInt64, ArraySlice<UInt8>)
        /// 32 or 64 bits wide; no message here uses them.
        case fixed(UInt64)
    }

    private var remaining: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) {
        self.remaining = bytes
    }

    /// The next field, nil at the end.
    mutating func next() throws(ProtobufError) -> Field? {
        guard !self.remaining.isEmpty else { return nil }
        let tag = try self.varint()
        let number = tag >> 3
        guard number != 0 else { throw .badTag }
        switch tag & 7 {
        case 0:
            return .varint(number, try self.varint())
        case 1:
            _ = try self.take(8)
            return .fixed(number)
        case 2:
            return .bytes(number, try self.take(self.varint()))
        case 5:
            _ = try self.take(4)
            return .fixed(number)
        default:
            throw .badTag
        }
    }

    /// protobuf's varints have up to ten bytes and need not be minimal, unlike those of multiformats.
    private mutating func varint() throws(ProtobufError) -> UInt64 {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = self.remaining.popFirst() {
            guard shift < 63 || byte <= 1 else { throw .badVarint }
            value |= UInt64(byte & 0x7F) << shift
            if byte & 0x80 == 0 { return value }
            shift += 7
        }
        throw .truncated
    }

    private mutating func take(_ length: UInt64) throws(ProtobufError) -> ArraySlice<UInt8> {
        guard length <= UInt64(self.remaining.count) else { throw .truncated }
        let count = Int(length)
        let taken = self.remaining.prefix(count)
        self.remaining = self.remaining.dropFirst(count)
        return taken
    }
}

/// Why bytes are no protobuf message.
enum ProtobufError: Error {
    /// Field number 0, or a wire type that does not exist or is long gone (groups).
    case badTag
    /// More than 64 bits.
    case badVarint
    /// A field goes beyond the end.
    case truncated
}

/// Appends fields of protobuf messages.
extension [UInt8] {
    mutating func appendProtobuf(field number: UInt8, varint value: UInt64) {
        self.append(number << 3)
        self.appendProtobufVarint(value)
    }

    mutating func appendProtobuf(field number: UInt8, bytes: [UInt8]) {
        self.append(number << 3 | 2)
        self.appendProtobufVarint(UInt64(bytes.count))
        self.append(contentsOf: bytes)
    }

    mutating func appendProtobufVarint(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            self.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        self.append(UInt8(truncatingIfNeeded: value))
    }
}
