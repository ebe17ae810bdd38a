import LibP2PCore

/// A key and the number of messages it has sealed or opened. Noise revision 34 §5.1.
struct NoiseCipherState: Sendable {
    let cipher: ChaCha20Poly1305
    /// The nonce of the next message.
    private(set) var nonce: UInt64

    init(key: SecretBytes, nonce: UInt64 = 0) throws(NoiseError) {
        do throws(AEADError) {
            self.cipher = try ChaCha20Poly1305(key: key)
        } catch {
            throw .invalidKey
        }
        self.nonce = nonce
    }

    /// Takes a nonce. The last one, 2^64 - 1, is reserved and never given.
    @inline(__always)
    mutating func takeNonce() throws(NoiseError) -> UInt64 {
        let nonce = self.nonce
        guard nonce != .max else { throw .nonceExhausted }
        self.nonce = nonce &+ 1
        return nonce
    }
}
