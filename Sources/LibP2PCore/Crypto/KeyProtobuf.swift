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
        bytes.appendProtobuf(field: 1, varint: UInt64(type.rawValue))
        bytes.appendProtobuf(field: 2, bytes: data)
        return bytes
    }

    /// Reads fields in any order; the last of a repeated field counts and unknown ones are skipped, as protobuf demands.
    static func decode(_ bytes: [UInt8]) throws(KeyError) -> (type: KeyType, data: [UInt8]) {
        guard bytes.count <= Self.maximumBytes else {
            throw .malformed("key message is longer than \(Self.maximumBytes) bytes")
        }
        var reader = ProtobufReader(bytes[...])
        var type: UInt64?
        var data: ArraySlice<UInt8>?
        do throws(ProtobufError) {
            while let field = try reader.next() {
                switch field {
                case .varint(1, let value): type = value
                case .bytes(2, let value): data = value
                case .varint, .bytes, .fixed: break
                }
            }
        } catch {
            throw .malformed("key message: \(error)")
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
