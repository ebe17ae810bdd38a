import LibP2PCore
import Multiformats

/// How a private key stands in a file.
enum KeyFormat: String, CaseIterable {
    /// The libp2p PrivateKey protobuf: what p2pd reads.
    case protobuf
    /// Its base64, one line.
    case base64
    /// PEM with PKCS #8.
    case pem

    func encode(_ key: PrivateKey) throws(KeyError) -> [UInt8] {
        switch self {
        case .protobuf:
            return key.protobuf
        case .base64:
            return Array((Multibase.base64Pad.encodeWithoutPrefix(key.protobuf) + "\n").utf8)
        case .pem:
            let text = Array(Multibase.base64Pad.encodeWithoutPrefix(try key.pkcs8()).utf8)
            var pem = Array("-----BEGIN PRIVATE KEY-----\n".utf8)
            for start in stride(from: 0, to: text.count, by: 64) {
                pem += text[start..<min(start + 64, text.count)] + [UInt8(ascii: "\n")]
            }
            return pem + Array("-----END PRIVATE KEY-----\n".utf8)
        }
    }

    /// Reads a key in whichever of the forms it stands.
    static func decode(_ bytes: [UInt8]) throws(KeyError) -> PrivateKey {
        // A protobuf begins with a byte that is no printable character.
        guard let first = bytes.first(where: { !Self.isSpace($0) }), first >= 0x20 else {
            return try PrivateKey(protobuf: bytes)
        }
        let text = String(decoding: bytes, as: UTF8.self)
        if first == UInt8(ascii: "-") { return try self.decodePEM(text) }
        return try PrivateKey(protobuf: self.base64(text))
    }

    private static func decodePEM(_ text: String) throws(KeyError) -> PrivateKey {
        let lines = text.split(whereSeparator: \.isNewline).map { $0.filter { !$0.isWhitespace || $0 == " " } }
        guard let begin = lines.firstIndex(where: { $0.hasPrefix("-----BEGIN ") && $0.hasSuffix(" PRIVATE KEY-----") }),
            let end = lines[begin...].firstIndex(where: { $0.hasPrefix("-----END ") })
        else { throw .malformed("no private key in the PEM file") }
        let body = lines[(begin + 1)..<end]
        guard !body.contains(where: { $0.contains(":") }) else { throw .malformed("the PEM key is encrypted") }
        let der = try self.base64(body.joined())
        switch lines[begin] {
        case "-----BEGIN PRIVATE KEY-----": return try PrivateKey(pkcs8: der)
        case "-----BEGIN RSA PRIVATE KEY-----": return try PrivateKey(type: .rsa, data: der)
        case "-----BEGIN EC PRIVATE KEY-----": return try PrivateKey(type: .ecdsa, data: der)
        case "-----BEGIN ENCRYPTED PRIVATE KEY-----": throw .malformed("the PEM key is encrypted")
        default: throw .malformed("PEM label is none of PRIVATE KEY, RSA PRIVATE KEY, EC PRIVATE KEY")
        }
    }

    private static func base64(_ text: String) throws(KeyError) -> [UInt8] {
        let digits = text.filter { !$0.isWhitespace && $0 != "=" }
        do {
            return try Multibase.base64.decodeWithoutPrefix(digits)
        } catch {
            throw .malformed("neither a protobuf nor base64 nor PEM")
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x0A || byte == 0x0D || byte == 0x20 }
}
