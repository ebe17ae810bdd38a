import CSodium

/// Diffie-Hellman on Curve25519. RFC 7748.
public enum X25519 {
    /// Bytes of a public key, of a secret and of what two parties share.
    public static let byteCount = 32

    /// A secret and its public key.
    public struct KeyPair: Sendable {
        /// 32 bytes.
        public let publicKey: [UInt8]
        private let secret: SecretBytes

        /// Makes a fresh pair.
        public static func generate() throws(KeyError) -> KeyPair {
            try KeyPair(secret: .random(count: X25519.byteCount))
        }

        /// Takes a secret of 32 bytes (clamped when used).
        ///
        /// - Throws: `.malformed` for another length.
        public init(secret: SecretBytes) throws(KeyError) {
            guard secret.count == X25519.byteCount else { throw .malformed("X25519 secret is not 32 bytes") }
            Sodium.initialise()
            var publicKey = [UInt8](repeating: 0, count: X25519.byteCount)
            let result = secret.withUnsafePointer { secret in
                crypto_scalarmult_curve25519_base(&publicKey, secret)
            }
            guard result == 0 else { throw .generationFailed }
            self.publicKey = publicKey
            self.secret = secret
        }

        /// What both sides share: 32 bytes, to be hashed before they serve as a key.
        ///
        /// - Throws: `.malformed` for a public key that is not 32 bytes or is of low order: the result would be all zeros,
        ///   whatever our secret (RFC 7748 §6.1).
        public func sharedSecret(with publicKey: [UInt8]) throws(KeyError) -> SecretBytes {
            guard publicKey.count == X25519.byteCount else { throw .malformed("X25519 public key is not 32 bytes") }
            return try SecretBytes(count: X25519.byteCount) { output throws(KeyError) in
                guard let base = output.bindMemory(to: UInt8.self).baseAddress else { throw .generationFailed }
                let result = self.secret.withUnsafePointer { secret in
                    crypto_scalarmult_curve25519(base, secret, publicKey)
                }
                // libsodium reports low-order points itself; the sum guards against a build that does not.
                guard result == 0, output.reduce(0, { $0 | $1 }) != 0 else {
                    throw .malformed("X25519 public key is of low order")
                }
            }
        }
    }
}
