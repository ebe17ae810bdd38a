import CSodium

/// An Ed25519 identity. RFC 8032.
final class Ed25519Key: SigningKey {
    static let seedByteCount = 32
    static let publicKeyByteCount = 32
    static let signatureByteCount = 64

    let publicKeyData: [UInt8]

    /// seed ‖ public key: libsodium's form of a secret key, and that of the protobuf.
    private let secret: SecretBytes

    var type: KeyType { .ed25519 }

    static func generate() throws(KeyError) -> Ed25519Key {
        var seed = SystemRandom.bytes(count: Self.seedByteCount)
        defer { SecretBytes.wipe(&seed) }
        return try Ed25519Key(data: seed)
    }

    /// Takes the seed and, checked against it, none, one or two copies of the public key.
    init(data: [UInt8]) throws(KeyError) {
        guard data.count == 32 || data.count == 64 || data.count == 96 else {
            throw .malformed("Ed25519 private key is not 32, 64 or 96 bytes")
        }
        Sodium.initialise()
        var publicKey = [UInt8](repeating: 0, count: Self.publicKeyByteCount)
        self.secret = try SecretBytes(count: 64) { secret throws(KeyError) in
            guard let base = secret.bindMemory(to: UInt8.self).baseAddress,
                crypto_sign_ed25519_seed_keypair(&publicKey, base, data) == 0
            else { throw .malformed("Ed25519 seed was refused") }
        }
        self.publicKeyData = publicKey
        var copy = data.dropFirst(Self.seedByteCount)
        while !copy.isEmpty {
            guard copy.prefix(Self.publicKeyByteCount).elementsEqual(publicKey) else {
                throw .malformed("Ed25519 private key does not belong to the public key beside it")
            }
            copy = copy.dropFirst(Self.publicKeyByteCount)
        }
    }

    func secretData() -> [UInt8] { self.secret.copyBytes() }

    func sign(_ message: [UInt8]) throws(KeyError) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: Self.signatureByteCount)
        let result = self.secret.withUnsafePointer { secret in
            crypto_sign_ed25519_detached(&signature, nil, message, UInt64(message.count), secret)
        }
        guard result == 0 else { throw .signingFailed }
        return signature
    }
}

extension Ed25519Key {
    static func validatedPublicKey(_ data: [UInt8]) throws(KeyError) -> [UInt8] {
        guard data.count == Self.publicKeyByteCount else { throw .malformed("Ed25519 public key is not 32 bytes") }
        return data
    }

    static func isValid(signature: [UInt8], for message: [UInt8], publicKey: [UInt8]) -> Bool {
        guard signature.count == Self.signatureByteCount, publicKey.count == Self.publicKeyByteCount else {
            return false
        }
        Sodium.initialise()
        return crypto_sign_ed25519_verify_detached(signature, message, UInt64(message.count), publicKey) == 0
    }
}
