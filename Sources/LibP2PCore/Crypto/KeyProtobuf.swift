/// The protobuf that wraps public and private keys alike: `Type = 1` (enum), `Data = 2` (bytes), both required.
///
/// Written by hand because peer IDs are hashes of it: the encoding must be the deterministic one (libp2p/specs
/// peer-ids/peer-ids.md §"Note about deterministic encoding"), and reading must not copy secrets around.
enum KeyProtobuf {
    /// The longest message that is read: an RSA private key of 8192 bits takes about 4.7 KB.
    static let maximumBytes = 16_384

    /// `08 type 12 length data`.
    static func encode(type: KeyType, data: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(data.count + 8)
        bytes.append(0x08)
        bytes.append(type.rawValue)
        bytes.append(0x12)
        var length = UInt64(data.count)
        while length >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: length) | 0x80)
            length >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: length))
        bytes.append(contentsOf: data)
        return bytes
    }

    /// Reads fields in any order; the last of a repeated field counts and unknown ones are skipped, as protobuf demands.
    static func decode(_ bytes: [UInt8]) throws(KeyError) -> (type: KeyType, data: [UInt8]) {
        guard bytes.count <= Self.maximumBytes else {
            throw .malformed("key message is longer than \(Self.maximumBytes) bytes")
        }
        var reader = Reader(bytes: bytes)
        var type: UInt64?
        var data: ArraySlice<UInt8>?
        while !reader.isAtEnd {
            let tag = try reader.varint()
            switch tag {
            case 0x08: type = try reader.varint()
            case 0x12: data = try reader.lengthDelimited()
            default: try reader.skip(tag: tag)
            }
        }
        guard let type, let data else {
            throw .malformed("key message lacks its type or its data")
        }
        guard type <= UInt64(UInt8.max), let keyType = KeyType(rawValue: UInt8(truncatingIfNeeded: type)) else {
            throw .unsupportedType(type)
        }
        return (keyType, Array(data))
    }
}

extension KeyProtobuf {
    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) {
            self.bytes = bytes
        }

        var isAtEnd: Bool { self.position >= self.bytes.count }

        mutating func varint() throws(KeyError) -> UInt64 {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while self.position < self.bytes.count {
                let byte = self.bytes[self.position]
                self.position += 1
                guard shift < 63 || byte <= 1 else { break }
                value |= UInt64(byte & 0x7F) << shift
                if byte & 0x80 == 0 { return value }
                shift += 7
            }
            throw .malformed("key message has a bad varint")
        }

        mutating func lengthDelimited() throws(KeyError) -> ArraySlice<UInt8> {
            let length = try self.varint()
            let count = try self.advance(length)
            return self.bytes[self.position - count..<self.position]
        }

        mutating func skip(tag: UInt64) throws(KeyError) {
            guard tag >> 3 != 0 else { throw .malformed("key message has field number 0") }
            switch tag & 7 {
            case 0: _ = try self.varint()
            case 1: _ = try self.advance(8)
            case 2: _ = try self.lengthDelimited()
            case 5: _ = try self.advance(4)
            default: throw .malformed("key message has an unknown wire type")
            }
        }

        private mutating func advance(_ length: UInt64) throws(KeyError) -> Int {
            let remaining = self.bytes.count - self.position
            guard length <= UInt64(remaining) else { throw .malformed("key message is cut short") }
            let count = Int(length)
            self.position += count
            return count
        }
    }
}
