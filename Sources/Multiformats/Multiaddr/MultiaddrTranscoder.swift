/// How values of one kind are read from text, written as text and checked.
///
/// `parse` gives values that `check` accepts; `text` is only given values that `check` accepted.
enum MultiaddrTranscoder: Sendable, Hashable {
    case none
    case ip4
    case ip6
    case zone
    case prefixLength
    case port
    case domainName
    case path
    case peerID
    case onion(hostBytes: Int)
    case garlic64
    case garlic32
    case certificateHash
    case escapedPath
    case number64

    /// Reads the text form of a value.
    ///
    /// - Throws: the reason, in the wording control clients know.
    func parse(_ text: Substring) throws(ValueError) -> [UInt8] {
        let value =
            switch self {
            case .none: [UInt8]()
            case .ip4: try MultiaddrTranscoder.parseIP4(text)
            case .ip6: try MultiaddrTranscoder.parseIP6(text)
            case .zone, .domainName, .path: Array(text.utf8)
            case .prefixLength: [UInt8(try MultiaddrTranscoder.parseNumber(text, upTo: 0xff))]
            case .port: try MultiaddrTranscoder.parsePort(text)
            case .peerID: try MultiaddrTranscoder.parsePeerID(text)
            case .onion(let hostBytes): try MultiaddrTranscoder.parseOnion(text, hostBytes: hostBytes)
            case .garlic64: try MultiaddrTranscoder.parseGarlic64(text)
            case .garlic32: try MultiaddrTranscoder.parseGarlic32(text)
            case .certificateHash: try MultiaddrTranscoder.parseMultibase(text)
            case .escapedPath: try MultiaddrTranscoder.unescape(text)
            case .number64: bigEndian(try MultiaddrTranscoder.parseNumber(text, upTo: .max))
            }
        try self.check(value[...])
        return value
    }

    /// The text form of a checked value.
    func text(_ value: ArraySlice<UInt8>) -> String {
        switch self {
        case .none: ""
        case .ip4, .ip6: IPAddress(bytes: value)?.description ?? ""
        case .zone, .domainName, .path: String(decoding: value, as: UTF8.self)
        case .prefixLength, .port, .number64: "\(MultiaddrTranscoder.number(value))"
        case .peerID: Multibase.base58BTC.encodeWithoutPrefix(value)
        case .onion(let hostBytes):
            Multibase.base32.encodeWithoutPrefix(value.prefix(hostBytes))
                + ":\(MultiaddrTranscoder.number(value.dropFirst(hostBytes)))"
        case .garlic64: String(decoding: BitGroupCodec.base64Garlic.padded.encode(value), as: UTF8.self)
        case .garlic32: Multibase.base32.encodeWithoutPrefix(value)
        case .certificateHash: Multibase.base64URL.encode(value)
        case .escapedPath: MultiaddrTranscoder.escape(value)
        }
    }

    /// Accepts values that have a text form. The size of fixed-size values has been checked before.
    func check(_ value: ArraySlice<UInt8>) throws(ValueError) {
        switch self {
        case .none, .ip4, .ip6, .prefixLength, .port, .number64:
            return
        case .zone:
            guard !value.isEmpty else { throw "invalid length (should be > 0)" }
            guard !value.contains(slash) else { throw "IPv6 zone ID contains '/'" }
            try MultiaddrTranscoder.checkText(value)
        case .domainName:
            guard !value.isEmpty else { throw "empty dns addr" }
            guard !value.contains(slash) else { throw "domain name contains a slash" }
            try MultiaddrTranscoder.checkText(value)
        case .path:
            guard value.count >= 2 else { throw ValueError("byte slice too short: \(value.count)") }
            guard value.last != slash else { throw "unix socket path must not end in '/'" }
            try MultiaddrTranscoder.checkText(value)
        case .peerID:
            try MultiaddrTranscoder.checkPeerID(value)
        case .onion(let hostBytes):
            guard MultiaddrTranscoder.number(value.dropFirst(hostBytes)) > 0 else {
                throw "invalid port 0 for onion addr"
            }
        case .garlic64:
            guard value.count >= 386 else {
                throw ValueError("failed to validate garlic addr: not an i2p base64 address. len: \(value.count)")
            }
        case .garlic32:
            guard value.count == 32 || value.count >= 35 else {
                throw ValueError("failed to validate garlic addr: not an i2p base32 address. len: \(value.count)")
            }
        case .certificateHash:
            do {
                _ = try Multihash(bytes: Array(value))
            } catch {
                throw ValueError(error.description)
            }
        case .escapedPath:
            guard !value.isEmpty else { throw "empty http path is not allowed" }
        }
    }

    /// What is wrong with a value.
    struct ValueError: Error, ExpressibleByStringLiteral {
        let reason: String

        init(_ reason: String) {
            self.reason = reason
        }

        init(stringLiteral reason: String) {
            self.reason = reason
        }
    }
}

private let slash = UInt8(ascii: "/")

extension MultiaddrTranscoder {
    /// The value of at most eight big-endian bytes.
    static func number(_ bytes: ArraySlice<UInt8>) -> UInt64 {
        bytes.reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// Names and paths end up in text and in C strings.
    private static func checkText(_ value: ArraySlice<UInt8>) throws(ValueError) {
        guard !value.contains(0) else { throw "contains a NUL byte" }
        guard String(validating: value, as: UTF8.self) != nil else { throw "is not valid UTF-8" }
    }

    private static func checkPeerID(_ value: ArraySlice<UInt8>) throws(ValueError) {
        do {
            _ = try PeerID(bytes: Array(value))
        } catch .multihash(let error) {
            throw ValueError("invalid multihash: \(error)")
        } catch {
            throw ValueError(error.description)
        }
    }
}
