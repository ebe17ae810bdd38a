import CSodium

/// The same cipher as `ChaCha20Poly1305` by libsodium: slower, but promised API.
///
/// It stands ready should the BoringSSL inside swift-nio-ssl become unreachable; tests hold both to the same bytes.
public final class SodiumChaCha20Poly1305: Sendable {
    public static let keyByteCount = 32
    public static let tagByteCount = 16

    private let key: SecretBytes

    /// Takes a key of 32 bytes.
    ///
    /// - Throws: `.invalidKey`.
    public init(key: SecretBytes) throws(AEADError) {
        guard key.count == Self.keyByteCount else { throw .invalidKey }
        Sodium.initialise()
        self.key = key
    }

    /// As `ChaCha20Poly1305.seal`.
    public func seal(
        _ buffer: UnsafeMutableRawBufferPointer,
        plaintextCount: Int,
        nonce: UInt64,
        associatedData: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(AEADError) {
        guard plaintextCount >= 0, buffer.count >= Self.tagByteCount,
            plaintextCount <= buffer.count - Self.tagByteCount
        else { throw .bufferTooShort }
        guard let bytes = buffer.bindMemory(to: UInt8.self).baseAddress else { throw .bufferTooShort }
        let result = Self.withNonce(nonce) { nonce in
            self.key.withUnsafePointer { key in
                crypto_aead_chacha20poly1305_ietf_encrypt(
                    bytes,
                    nil,
                    bytes,
                    UInt64(plaintextCount),
                    associatedData.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    UInt64(associatedData.count),
                    nil,
                    nonce,
                    key
                )
            }
        }
        guard result == 0 else { throw .bufferTooShort }
    }

    /// As `ChaCha20Poly1305.open`.
    public func open(
        _ buffer: UnsafeMutableRawBufferPointer,
        nonce: UInt64,
        associatedData: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(AEADError) -> Int {
        guard buffer.count >= Self.tagByteCount, let bytes = buffer.bindMemory(to: UInt8.self).baseAddress else {
            throw .authenticationFailed
        }
        let result = Self.withNonce(nonce) { nonce in
            self.key.withUnsafePointer { key in
                crypto_aead_chacha20poly1305_ietf_decrypt(
                    bytes,
                    nil,
                    nil,
                    bytes,
                    UInt64(buffer.count),
                    associatedData.baseAddress?.assumingMemoryBound(to: UInt8.self),
                    UInt64(associatedData.count),
                    nonce,
                    key
                )
            }
        }
        guard result == 0 else { throw .authenticationFailed }
        return buffer.count - Self.tagByteCount
    }

    private static func withNonce(_ counter: UInt64, _ body: (UnsafePointer<UInt8>) -> CInt) -> CInt {
        var words = ChaCha20Poly1305.nonceWords(counter)
        return withUnsafePointer(to: &words) { words in
            words.withMemoryRebound(to: UInt8.self, capacity: 12) { body($0) }
        }
    }
}
