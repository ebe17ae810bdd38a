/// A self-describing name of content. multiformats/cid.
public struct CID: Hashable, Sendable {
    /// v0: the multihash. v1: varint 1 ‖ varint codec ‖ multihash.
    public let bytes: [UInt8]
    public let version: Version
    public let codec: Codec
    public let multihash: Multihash

    public enum Version: UInt64, Sendable, Hashable {
        /// A bare SHA-256 multihash of dag-pb.
        case v0 = 0
        case v1 = 1
    }

    /// Names content by its hash, version 1.
    public init(codec: Codec, multihash: Multihash) {
        var bytes = Varint.encode(Version.v1.rawValue)
        Varint.append(codec.rawValue, to: &bytes)
        bytes.append(contentsOf: multihash.bytes)
        self.bytes = bytes
        self.version = .v1
        self.codec = codec
        self.multihash = multihash
    }

    /// Takes a binary CID that fills `bytes`.
    public init(bytes: [UInt8]) throws(CIDError) {
        if bytes.starts(with: [0x12, 0x20]) {
            guard bytes.count == 34 else {
                throw .length(bytes.count)
            }
            do {
                self.multihash = try Multihash(bytes: bytes)
            } catch {
                throw .multihash(error)
            }
            self.bytes = bytes
            self.version = .v0
            self.codec = .dagPB
            return
        }
        var rest = bytes[...]
        let version: UInt64
        let codec: UInt64
        do {
            version = try Varint.read(&rest)
            codec = try Varint.read(&rest)
        } catch {
            throw rest.isEmpty ? .tooShort : .varint(error)
        }
        guard version == Version.v1.rawValue else {
            throw .version(version)
        }
        do {
            self.multihash = try Multihash(bytes: Array(rest))
        } catch {
            throw .multihash(error)
        }
        self.bytes = bytes
        self.version = .v1
        self.codec = Codec(rawValue: codec)
    }

    /// Reads base58btc of 46 characters (`Qm…`, v0) or v1 in any multibase.
    public init(_ text: String) throws(CIDError) {
        guard text.utf8.count >= 2 else {
            throw .tooShort
        }
        // A text longer than the longest CID takes in the longest base is not worth decoding.
        guard text.utf8.count <= CID.maximumTextLength else {
            throw .length(text.utf8.count)
        }
        let isVersion0 = text.utf8.count == 46 && text.hasPrefix("Qm")
        let bytes: [UInt8]
        do {
            bytes = isVersion0 ? try Multibase.base58BTC.decodeWithoutPrefix(text) : try Multibase.decode(text).bytes
        } catch {
            throw .multibase(error)
        }
        // A v0 CID has no multibase form.
        guard isVersion0 || !bytes.starts(with: [0x12, 0x20]) else {
            throw .version(0)
        }
        try self.init(bytes: bytes)
    }

    private static let maximumTextLength = 1 + 8 * (Multihash.maximumDigestLength + 4 * Varint.maximumLength)

    /// The text in a base: v0 is always base58btc without prefix.
    public func text(_ base: Multibase = .base32) -> String {
        switch self.version {
        case .v0: Multibase.base58BTC.encodeWithoutPrefix(self.bytes)
        case .v1: base.encode(self.bytes)
        }
    }
}

extension CID: CustomStringConvertible {
    /// v0 in base58btc, v1 in base 32.
    public var description: String { self.text() }
}

extension CID {
    /// What the named bytes are. multiformats/multicodec; any number is a value.
    public struct Codec: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
        public let rawValue: UInt64

        /// - Parameter rawValue: below 2^63.
        public init(rawValue: UInt64) {
            self.rawValue = rawValue
        }

        public static let raw = Codec(rawValue: 0x55)
        public static let dagPB = Codec(rawValue: 0x70)
        public static let dagCBOR = Codec(rawValue: 0x71)
        public static let libp2pKey = Codec(rawValue: 0x72)

        /// The name in the multicodec table, or the number.
        public var description: String {
            Codec.table.first { $0.code == self.rawValue }?.name ?? "\(self.rawValue)"
        }

        private static let table: [(code: UInt64, name: String)] = [
            (0x51, "cbor"),
            (0x55, "raw"),
            (0x70, "dag-pb"),
            (0x71, "dag-cbor"),
            (0x72, "libp2p-key"),
            (0x78, "git-raw"),
            (0x85, "dag-jose"),
            (0x0129, "dag-json"),
            (0x0200, "json"),
        ]
    }
}

/// Why bytes or text are no CID.
public enum CIDError: Error, Sendable, Hashable {
    /// A length no CID has.
    case length(Int)
    /// The text cannot be decoded.
    case multibase(MultibaseError)
    /// What follows version and codec is no multihash.
    case multihash(MultihashError)
    /// Too few bytes or characters.
    case tooShort
    /// Version or codec is no varint.
    case varint(VarintError)
    /// Only versions 0 (bare) and 1 exist.
    case version(UInt64)
}

extension CIDError: CustomStringConvertible {
    /// The wording clients of the control protocol know.
    public var description: String {
        switch self {
        case .length(let length): "invalid cid: illegal length \(length)"
        case .multibase(let error): "invalid cid: \(error)"
        case .multihash(let error): "invalid cid: \(error)"
        case .tooShort: "invalid cid: cid too short"
        case .varint(let error): "invalid cid: \(error)"
        case .version(let version): "invalid cid: expected 1 as the cid version number, got: \(version)"
        }
    }
}
