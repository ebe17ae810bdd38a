import CNIOBoringSSL

/// Why a message could not be sealed or opened.
public enum AEADError: Error, Sendable, Hashable {
    /// The message, its tag, its nonce or its associated data was altered, or the key is another.
    case authenticationFailed
    /// The buffer has no room for the tag.
    case bufferTooShort
    /// The key is not 32 bytes, or there is no memory.
    case invalidKey
}

/// ChaCha20-Poly1305 in place, with Noise's nonces: 32 zero bits ‖ the counter in little endian. RFC 8439, Noise revision 34 §12.3.
///
/// Calls allocate nothing. The context is never written after its making, so any thread may use it; who counts the nonces
/// decides on the order.
public final class ChaCha20Poly1305: @unchecked Sendable {
    // Unchecked: BoringSSL allows concurrent seal and open on one EVP_AEAD_CTX, and the pointer never changes.

    /// Bytes of a key.
    public static let keyByteCount = 32
    /// Bytes that sealing adds.
    public static let tagByteCount = 16

    private let context: UnsafeMutablePointer<EVP_AEAD_CTX>

    /// Takes a key of 32 bytes.
    ///
    /// - Throws: `.invalidKey`.
    public init(key: SecretBytes) throws(AEADError) {
        guard key.count == Self.keyByteCount else { throw .invalidKey }
        let context = key.withUnsafeBytes { key in
            EVP_AEAD_CTX_new(
                EVP_aead_chacha20_poly1305(),
                key.bindMemory(to: UInt8.self).baseAddress,
                key.count,
                Self.tagByteCount
            )
        }
        guard let context else { throw .invalidKey }
        self.context = context
    }

    deinit {
        EVP_AEAD_CTX_free(self.context)
    }

    /// Encrypts the first `plaintextCount` bytes of `buffer` where they are and writes the tag behind them.
    ///
    /// - Parameter buffer: at least `plaintextCount` + 16 bytes.
    /// - Throws: `.bufferTooShort`, before anything is written.
    public func seal(
        _ buffer: UnsafeMutableRawBufferPointer,
        plaintextCount: Int,
        nonce: UInt64,
        associatedData: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(AEADError) {
        guard plaintextCount >= 0, buffer.count >= Self.tagByteCount,
            plaintextCount <= buffer.count - Self.tagByteCount
        else { throw .bufferTooShort }
        let bytes = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let associated = associatedData.baseAddress?.assumingMemoryBound(to: UInt8.self)
        var length = 0
        let result = withUnsafeBytes(of: Self.nonceWords(nonce)) { nonce in
            EVP_AEAD_CTX_seal(
                self.context,
                bytes,
                &length,
                plaintextCount + Self.tagByteCount,
                nonce.baseAddress?.assumingMemoryBound(to: UInt8.self),
                nonce.count,
                bytes,
                plaintextCount,
                associated,
                associatedData.count
            )
        }
        guard result == 1 else { throw .bufferTooShort }
    }

    /// Checks and decrypts `buffer` (ciphertext ‖ tag) where it is; the plaintext is its first `buffer.count` − 16 bytes.
    ///
    /// - Returns: the number of plaintext bytes.
    /// - Throws: `.authenticationFailed`; what the buffer holds then is undefined and must not be used.
    public func open(
        _ buffer: UnsafeMutableRawBufferPointer,
        nonce: UInt64,
        associatedData: UnsafeRawBufferPointer = UnsafeRawBufferPointer(start: nil, count: 0)
    ) throws(AEADError) -> Int {
        guard buffer.count >= Self.tagByteCount else { throw .authenticationFailed }
        let bytes = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        let associated = associatedData.baseAddress?.assumingMemoryBound(to: UInt8.self)
        var length = 0
        let result = withUnsafeBytes(of: Self.nonceWords(nonce)) { nonce in
            EVP_AEAD_CTX_open(
                self.context,
                bytes,
                &length,
                buffer.count,
                nonce.baseAddress?.assumingMemoryBound(to: UInt8.self),
                nonce.count,
                bytes,
                buffer.count,
                associated,
                associatedData.count
            )
        }
        guard result == 1 else {
            ERR_clear_error()
            throw .authenticationFailed
        }
        return length
    }

    /// Three words of 32 bits, so that the tuple has no padding.
    @inline(__always)
    static func nonceWords(_ counter: UInt64) -> (UInt32, UInt32, UInt32) {
        (
            0,
            UInt32(truncatingIfNeeded: counter).littleEndian,
            UInt32(truncatingIfNeeded: counter >> 32).littleEndian
        )
    }
}

// MARK: - From one buffer to another

extension ChaCha20Poly1305 {
    /// Encrypts `plaintext` to the start of `output` and writes the tag behind it. As fast as in place, and saves a copy.
    ///
    /// - Parameter output: at least 16 bytes more than `plaintext`; the two must not overlap.
    /// - Throws: `.bufferTooShort`, before anything is written.
    public func seal(
        _ plaintext: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer,
        nonce: UInt64
    ) throws(AEADError) {
        guard output.count >= Self.tagByteCount, plaintext.count <= output.count - Self.tagByteCount else {
            throw .bufferTooShort
        }
        var length = 0
        let result = withUnsafeBytes(of: Self.nonceWords(nonce)) { nonce in
            EVP_AEAD_CTX_seal(
                self.context,
                output.baseAddress?.assumingMemoryBound(to: UInt8.self),
                &length,
                output.count,
                nonce.baseAddress?.assumingMemoryBound(to: UInt8.self),
                nonce.count,
                plaintext.baseAddress?.assumingMemoryBound(to: UInt8.self),
                plaintext.count,
                nil,
                0
            )
        }
        guard result == 1 else {
            ERR_clear_error()
            throw .bufferTooShort
        }
    }

    /// Checks `message` (ciphertext ‖ tag) and decrypts it to the start of `output`.
    ///
    /// - Parameter output: at least the bytes of the plaintext; the two must not overlap.
    /// - Returns: the number of plaintext bytes.
    /// - Throws: `.bufferTooShort`; `.authenticationFailed`, `output` holds zeros then.
    public func open(
        _ message: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer,
        nonce: UInt64
    ) throws(AEADError) -> Int {
        guard message.count >= Self.tagByteCount else { throw .authenticationFailed }
        let plaintextCount = message.count - Self.tagByteCount
        guard output.count >= plaintextCount else { throw .bufferTooShort }
        var length = 0
        let result = withUnsafeBytes(of: Self.nonceWords(nonce)) { nonce in
            EVP_AEAD_CTX_open(
                self.context,
                output.baseAddress?.assumingMemoryBound(to: UInt8.self),
                &length,
                plaintextCount,
                nonce.baseAddress?.assumingMemoryBound(to: UInt8.self),
                nonce.count,
                message.baseAddress?.assumingMemoryBound(to: UInt8.self),
                message.count,
                nil,
                0
            )
        }
        guard result == 1 else {
            ERR_clear_error()
            throw .authenticationFailed
        }
        return length
    }
}
