import CSecp256k1

/// A secp256k1 identity: ECDSA over SHA-256 with DER signatures.
final class Secp256k1Key: SigningKey {
    static let secretByteCount = 32

    let publicKeyData: [UInt8]
    private let secret: SecretBytes

    var type: KeyType { .secp256k1 }

    static func generate() throws(KeyError) -> Secp256k1Key {
        // Fewer than one in 2^127 random strings is no key.
        for _ in 0..<4 {
            var secret = SystemRandom.bytes(count: Self.secretByteCount)
            defer { SecretBytes.wipe(&secret) }
            if let key = try? Secp256k1Key(data: secret) { return key }
        }
        throw .generationFailed
    }

    init(data: [UInt8]) throws(KeyError) {
        let context = Secp256k1Context.shared.pointer
        guard data.count == Self.secretByteCount, secp256k1_ec_seckey_verify(context, data) == 1 else {
            throw .malformed("secp256k1 private key is not 32 bytes below the order of the curve")
        }
        var publicKey = secp256k1_pubkey()
        guard secp256k1_ec_pubkey_create(context, &publicKey, data) == 1 else {
            throw .malformed("secp256k1 private key was refused")
        }
        self.publicKeyData = Self.serialize(&publicKey)
        self.secret = SecretBytes(copying: data)
    }

    func secretData() -> [UInt8] { self.secret.copyBytes() }

    func sign(_ message: [UInt8]) throws(KeyError) -> [UInt8] {
        let context = Secp256k1Context.shared.pointer
        let digest = SHA256.hash(message)
        var signature = secp256k1_ecdsa_signature()
        let result = self.secret.withUnsafePointer { secret in
            secp256k1_ecdsa_sign(context, &signature, digest, secret, nil, nil)
        }
        var der = [UInt8](repeating: 0, count: 72)
        var length = der.count
        guard result == 1, secp256k1_ecdsa_signature_serialize_der(context, &der, &length, &signature) == 1 else {
            throw .signingFailed
        }
        return Array(der.prefix(length))
    }
}

extension Secp256k1Key {
    /// Takes 33 bytes compressed or 65 uncompressed and gives the compressed form.
    static func validatedPublicKey(_ data: [UInt8]) throws(KeyError) -> [UInt8] {
        guard var publicKey = Self.parse(data) else {
            throw .malformed("secp256k1 public key is not a point of the curve")
        }
        return Self.serialize(&publicKey)
    }

    static func isValid(signature: [UInt8], for message: [UInt8], publicKey: [UInt8]) -> Bool {
        guard var publicKey = Self.parse(publicKey) else { return false }
        let context = Secp256k1Context.shared.pointer
        var parsed = secp256k1_ecdsa_signature()
        guard secp256k1_ecdsa_signature_parse_der(context, &parsed, signature, signature.count) == 1 else {
            return false
        }
        // libsecp256k1 verifies low-S only; other implementations do not ask for it, so both halves are valid.
        var normalised = secp256k1_ecdsa_signature()
        _ = secp256k1_ecdsa_signature_normalize(context, &normalised, &parsed)
        return secp256k1_ecdsa_verify(context, &normalised, SHA256.hash(message), &publicKey) == 1
    }

    private static func parse(_ data: [UInt8]) -> secp256k1_pubkey? {
        guard data.count == 33 || data.count == 65 else { return nil }
        var publicKey = secp256k1_pubkey()
        let result = secp256k1_ec_pubkey_parse(Secp256k1Context.shared.pointer, &publicKey, data, data.count)
        return result == 1 ? publicKey : nil
    }

    private static func serialize(_ publicKey: inout secp256k1_pubkey) -> [UInt8] {
        var data = [UInt8](repeating: 0, count: 33)
        var length = data.count
        // With a valid key and 33 bytes this cannot fail; libsecp256k1 documents that it always returns 1.
        _ = secp256k1_ec_pubkey_serialize(
            Secp256k1Context.shared.pointer,
            &data,
            &length,
            &publicKey,
            UInt32(SECP256K1_EC_COMPRESSED)
        )
        return data
    }
}

/// libsecp256k1's context, made on first use and blinded with random bytes against side channels.
private final class Secp256k1Context: @unchecked Sendable {
    // Unchecked: after the initialiser the context is only read, which libsecp256k1 allows from many threads.

    static let shared = Secp256k1Context()

    let pointer: OpaquePointer

    private init() {
        self.pointer = secp256k1_context_create(UInt32(SECP256K1_CONTEXT_NONE))
        let seed = SystemRandom.bytes(count: 32)
        _ = secp256k1_context_randomize(self.pointer, seed)
    }
}
