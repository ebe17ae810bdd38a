/// Why a key cannot be made, read or used. The texts hold no key bytes.
public enum KeyError: Error, Sendable, Hashable {
    /// The system could not make a key.
    case generationFailed
    /// The bytes are no key; the text says what is wrong with them.
    case malformed(String)
    /// An RSA modulus above 8192 bits: checking its signatures would cost too much.
    case rsaKeyTooLarge(bits: Int)
    /// An RSA modulus below 2048 bits: too weak.
    case rsaKeyTooSmall(bits: Int)
    /// The key could not sign.
    case signingFailed
    /// The number names no key type, or the operation does not exist for this type.
    case unsupportedType(UInt64)
}
