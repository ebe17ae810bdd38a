/// Unsigned varints. multiformats/unsigned-varint: little-endian base 128, minimal, at most 9 bytes (63 bits).
public enum Varint {
    /// The encoding of a value below 2^63. SKELETON.
    public static func encode(_ value: UInt64) -> [UInt8] { [] }

    /// Reads a varint at the start of `bytes`. SKELETON.
    ///
    /// - Returns: the value and how many bytes it takes, or nil when more bytes are needed.
    /// - Throws: `.notMinimal`, `.overflow`.
    public static func decode(_ bytes: some Collection<UInt8>) throws(VarintError) -> (value: UInt64, length: Int)? {
        nil
    }
}

/// Why bytes are no varint.
public enum VarintError: Error, Sendable, Hashable {
    case notMinimal
    case overflow
}
