/// The identity of a peer: the multihash of its public key.
///
/// libp2p/specs peer-ids/peer-ids.md.
public struct PeerID: Hashable, Sendable {
    /// multihash of the public key's protobuf: `00 len key` (identity) up to 42 bytes of key, else `12 20 sha256`.
    public let bytes: [UInt8]

    /// The most bytes of a peer ID. Real ones have 34, 36, 38 or 39.
    public static let maximumLength = 128

    /// Takes a multihash of the two functions that peer IDs use.
    public init(bytes: [UInt8]) throws(PeerIDError) {
        guard bytes.count <= PeerID.maximumLength else {
            throw .tooLong
        }
        let multihash: Multihash
        do {
            multihash = try Multihash(bytes: bytes)
        } catch {
            throw .multihash(error)
        }
        try self.init(multihash: multihash)
    }

    /// Takes a multihash of the two functions that peer IDs use.
    public init(multihash: Multihash) throws(PeerIDError) {
        switch multihash.code {
        case .identity:
            break
        case .sha2_256:
            guard multihash.digest.count == 32 else {
                throw .digestLength(multihash.digest.count)
            }
        default:
            throw .hashFunction(multihash.code)
        }
        guard multihash.bytes.count <= PeerID.maximumLength else {
            throw .tooLong
        }
        self.bytes = multihash.bytes
    }

    /// Reads base58btc (`12D3…`, `Qm…`) or a CIDv1 in any multibase.
    public init(_ text: String) throws(PeerIDError) {
        if text.hasPrefix("Qm") || text.hasPrefix("1") {
            guard let bytes = try? Multibase.base58BTC.decodeWithoutPrefix(text) else {
                throw .multihash(.invalidText)  // What is wrong with the text is not told in this wording.
            }
            try self.init(bytes: bytes)
            return
        }
        let cid: CID
        do {
            cid = try CID(text)
        } catch {
            throw .cid(error)
        }
        guard cid.codec == .libp2pKey else {
            throw .codec(cid.codec)
        }
        try self.init(multihash: cid.multihash)
    }

    /// The text as a CIDv1 with the libp2p-key codec: `k51…` or `k2k…` in base 36 (default), `bafz…` in base 32.
    public func cidText(_ base: Multibase = .base36) -> String {
        base.encode([0x01, UInt8(CID.Codec.libp2pKey.rawValue)] + self.bytes)
    }

    /// The public key protobuf inside an identity multihash, nil when the ID is a hash.
    public var inlinedKeyProtobuf: ArraySlice<UInt8>? {
        guard let multihash = try? Multihash(bytes: self.bytes), multihash.code == .identity else {
            return nil  // Validated at construction: never a malformed multihash.
        }
        return multihash.digest
    }
}

extension PeerID: CustomStringConvertible {
    /// base58btc.
    public var description: String { Multibase.base58BTC.encodeWithoutPrefix(self.bytes) }
}

extension PeerID: Comparable {
    /// By bytes: an order for output and tie-breaks, without meaning.
    public static func < (lhs: PeerID, rhs: PeerID) -> Bool {
        lhs.bytes.lexicographicallyPrecedes(rhs.bytes)
    }
}

/// Why bytes or text are no peer ID.
public enum PeerIDError: Error, Sendable, Hashable {
    /// The text is neither base58 nor a CID.
    case cid(CIDError)
    /// The CID is not that of a key.
    case codec(CID.Codec)
    /// A SHA-256 that has not 32 bytes.
    case digestLength(Int)
    /// Peer IDs are identity or SHA-256 multihashes.
    case hashFunction(MultihashCode)
    /// The bytes are no multihash.
    case multihash(MultihashError)
    /// Longer than `PeerID.maximumLength`.
    case tooLong
}

extension PeerIDError: CustomStringConvertible {
    /// The wording clients of the control protocol know.
    public var description: String {
        switch self {
        case .cid(let error): "failed to parse peer ID: \(error)"
        case .codec(let codec): "can't convert CID of type \"\(codec)\" to a peer ID"
        case .digestLength(let length): "invalid digest length \(length) for sha256 addr: expected 32"
        case .hashFunction(let code): "invalid multihash code \(code.rawValue) expected sha-256 or identity"
        case .multihash(let error): error.description
        case .tooLong: "multihash too long. must be < 129 bytes"
        }
    }
}
