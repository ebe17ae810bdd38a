public import Multiformats

/// A peer's public key, always one that can verify. libp2p/specs peer-ids/peer-ids.md §"Keys".
public struct PublicKey: Sendable {
    public let type: KeyType

    /// The protobuf's `Data`: Ed25519 32 bytes, secp256k1 33 bytes compressed, RSA and ECDSA DER SubjectPublicKeyInfo.
    public let data: [UInt8]

    /// The identity this key proves: the multihash of `protobuf`, identity up to 42 bytes, SHA2-256 above.
    public let peerID: PeerID

    /// Reads the libp2p `PublicKey` protobuf.
    ///
    /// - Throws: `.malformed`, `.unsupportedType`; `.rsaKeyTooSmall` and `.rsaKeyTooLarge` outside 2048…8192 bits.
    public init(protobuf: [UInt8]) throws(KeyError) {
        let (type, data) = try KeyProtobuf.decode(protobuf)
        try self.init(type: type, data: data)
    }

    /// Takes a key's bare bytes, in the form that `data` describes (secp256k1 may be uncompressed here).
    ///
    /// - Throws: as `init(protobuf:)`.
    public init(type: KeyType, data: [UInt8]) throws(KeyError) {
        let canonical: [UInt8]
        switch type {
        case .rsa: canonical = try RSAKey.validatedPublicKey(data)
        case .ed25519: canonical = try Ed25519Key.validatedPublicKey(data)
        case .secp256k1: canonical = try Secp256k1Key.validatedPublicKey(data)
        case .ecdsa: canonical = try ECDSAKey.validatedPublicKey(data)
        }
        self.type = type
        self.data = canonical
        self.peerID = try Self.peerID(of: KeyProtobuf.encode(type: type, data: canonical))
    }

    /// Reads the key out of a peer ID that holds it (Ed25519 and secp256k1); nil when the ID is a hash or holds no key.
    public init?(inlinedIn peerID: PeerID) {
        // Whatever is wrong with the key, the answer is that the ID holds none.
        guard let protobuf = peerID.inlinedKeyProtobuf, let key = try? PublicKey(protobuf: Array(protobuf)),
            key.peerID == peerID
        else { return nil }
        self = key
    }

    /// The libp2p `PublicKey` protobuf, encoded deterministically.
    public var protobuf: [UInt8] { KeyProtobuf.encode(type: self.type, data: self.data) }

    /// Whether `signature` is this key's over `message`; false for anything malformed.
    ///
    /// Ed25519: 64 bytes. RSA: PKCS #1 v1.5 over SHA-256. ECDSA and secp256k1: DER `SEQUENCE{r, s}` over SHA-256, any `s`.
    public func isValid(signature: [UInt8], for message: [UInt8]) -> Bool {
        switch self.type {
        case .rsa: RSAKey.isValid(signature: signature, for: message, publicKey: self.data)
        case .ed25519: Ed25519Key.isValid(signature: signature, for: message, publicKey: self.data)
        case .secp256k1: Secp256k1Key.isValid(signature: signature, for: message, publicKey: self.data)
        case .ecdsa: ECDSAKey.isValid(signature: signature, for: message, publicKey: self.data)
        }
    }

    private static func peerID(of protobuf: [UInt8]) throws(KeyError) -> PeerID {
        let multihash: [UInt8]
        if protobuf.count <= 42 {
            multihash = [0x00, UInt8(protobuf.count)] + protobuf
        } else {
            multihash = [0x12, 0x20] + SHA256.hash(protobuf)
        }
        do {
            return try PeerID(bytes: multihash)
        } catch {
            throw .malformed("key has no peer ID")
        }
    }
}

extension PublicKey: Hashable {
    public static func == (lhs: PublicKey, rhs: PublicKey) -> Bool {
        lhs.type == rhs.type && lhs.data == rhs.data
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(self.type)
        hasher.combine(self.data)
    }
}
