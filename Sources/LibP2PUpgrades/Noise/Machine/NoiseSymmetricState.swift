import LibP2PCore

/// Chaining key, transcript hash and current key of a handshake. Noise revision 34 §5.2.
struct NoiseSymmetricState: Sendable {
    private var chainingKey: SecretBytes
    /// The hash of all that was said so far.
    private(set) var hash: [UInt8]
    private var cipherState: NoiseCipherState?

    init(protocolName: String) {
        var name = Array(protocolName.utf8)
        if name.count <= SHA256.byteCount {
            name += [UInt8](repeating: 0, count: SHA256.byteCount - name.count)
            self.hash = name
        } else {
            self.hash = SHA256.hash(name)
        }
        self.chainingKey = SecretBytes(copying: self.hash)
    }

    mutating func mixHash(_ data: [UInt8]) {
        var hash = SHA256()
        hash.update(self.hash)
        hash.update(data)
        self.hash = hash.finalize()
    }

    mutating func mixKey(_ input: SecretBytes) throws(NoiseError) {
        let (chainingKey, key) = try self.derive(input)
        self.chainingKey = chainingKey
        self.cipherState = try NoiseCipherState(key: key)
    }

    /// Returns ciphertext ‖ tag, or the plaintext while there is no key.
    mutating func encryptAndHash(_ plaintext: [UInt8]) throws(NoiseError) -> [UInt8] {
        guard let nonce = try self.cipherState?.takeNonce(), let cipher = self.cipherState?.cipher else {
            self.mixHash(plaintext)
            return plaintext
        }
        var message = plaintext + [UInt8](repeating: 0, count: ChaCha20Poly1305.tagByteCount)
        do {
            try message.withUnsafeMutableBytes { message in
                try self.hash.withUnsafeBytes { hash in
                    try cipher.seal(message, plaintextCount: plaintext.count, nonce: nonce, associatedData: hash)
                }
            }
        } catch {
            throw .wrongTurn
        }
        self.mixHash(message)
        return message
    }

    /// Returns the plaintext, or the message itself while there is no key.
    mutating func decryptAndHash(_ message: [UInt8]) throws(NoiseError) -> [UInt8] {
        guard let nonce = try self.cipherState?.takeNonce(), let cipher = self.cipherState?.cipher else {
            self.mixHash(message)
            return message
        }
        var plaintext = message
        do {
            let count = try plaintext.withUnsafeMutableBytes { buffer in
                try self.hash.withUnsafeBytes { hash in
                    try cipher.open(buffer, nonce: nonce, associatedData: hash)
                }
            }
            plaintext.removeLast(message.count - count)
        } catch {
            throw .decryptionFailed
        }
        self.mixHash(message)
        return plaintext
    }

    /// The keys of the two directions: initiator to responder, then back.
    func split() throws(NoiseError) -> (NoiseCipherState, NoiseCipherState) {
        let (first, second) = try self.derive(SecretBytes(copying: []))
        return (try NoiseCipherState(key: first), try NoiseCipherState(key: second))
    }

    private func derive(_ input: SecretBytes) throws(NoiseError) -> (SecretBytes, SecretBytes) {
        do throws(KeyError) {
            return try HKDFSHA256.deriveTwo(chainingKey: self.chainingKey, input: input)
        } catch {
            throw .invalidKey
        }
    }
}
