/// Unsigned varints. multiformats/unsigned-varint: little-endian base 128, minimal, at most 9 bytes (63 bits).
public enum Varint {
    /// The most bytes a varint takes.
    public static let maximumLength = 9

    /// The largest value that can be encoded.
    public static let maximumValue = UInt64(Int64.max)

    /// How many bytes `value` takes. 1…9; a value of 2^63 or more would take 10 and is not a varint.
    public static func encodedLength(_ value: UInt64) -> Int {
        value == 0 ? 1 : (UInt64.bitWidth - value.leadingZeroBitCount + 6) / 7
    }

    /// The encoding of a value below 2^63.
    public static func encode(_ value: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Varint.encodedLength(value))
        Varint.append(value, to: &bytes)
        return bytes
    }

    /// Appends the encoding of a value below 2^63.
    public static func append(_ value: UInt64, to bytes: inout [UInt8]) {
        assert(value <= Varint.maximumValue, "varints hold 63 bits")
        var rest = value
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(truncatingIfNeeded: rest))
    }

    /// Reads a varint at the start of `bytes`.
    ///
    /// - Returns: the value and how many bytes it takes, or nil when more bytes are needed.
    /// - Throws: `.notMinimal` for an encoding with a superfluous last byte, `.overflow` for more than 63 bits.
    public static func decode(_ bytes: some Collection<UInt8>) throws(VarintError) -> (value: UInt64, length: Int)? {
        var value: UInt64 = 0
        var length = 0
        for byte in bytes {
            if length == Varint.maximumLength - 1 && byte >= 0x80 {
                throw .overflow
            }
            value |= UInt64(byte & 0x7f) << UInt64(7 * length)
            length += 1
            if byte < 0x80 {
                if byte == 0 && length > 1 {
                    throw .notMinimal
                }
                return (value, length)
            }
        }
        return nil
    }

    /// Reads a varint at the start of a buffer, for the data path.
    ///
    /// - Returns: as the generic form.
    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(VarintError) -> (value: UInt64, length: Int)? {
        guard let first = bytes.first else {
            return nil
        }
        if first < 0x80 {
            return (UInt64(first), 1)
        }
        var value: UInt64 = 0
        // The loop stays below `maximumLength`, so the shift is at most 56.
        for length in 0..<min(bytes.count, Varint.maximumLength) {
            let byte = bytes[length]
            value |= UInt64(byte & 0x7f) &<< UInt64(truncatingIfNeeded: 7 &* length)
            if byte < 0x80 {
                if byte == 0 {
                    throw .notMinimal
                }
                return (value, length + 1)
            }
        }
        if bytes.count >= Varint.maximumLength {
            throw .overflow
        }
        return nil
    }

    /// Reads a varint that has to be complete and moves `bytes` behind it.
    ///
    /// - Throws: as `decode`, and `.truncated` when the bytes end before the varint does.
    static func read(_ bytes: inout ArraySlice<UInt8>) throws(VarintError) -> UInt64 {
        guard let (value, length) = try Varint.decode(bytes) else {
            throw .truncated
        }
        bytes = bytes.dropFirst(length)
        return value
    }
}

/// Why bytes are no varint.
public enum VarintError: Error, Sendable, Hashable {
    /// A shorter encoding of the same value exists.
    case notMinimal
    /// More than 63 bits.
    case overflow
    /// The bytes end before the varint does; only where it has to be complete.
    case truncated
}

extension VarintError: CustomStringConvertible {
    /// The wording clients of the control protocol know.
    public var description: String {
        switch self {
        case .notMinimal: "varint not minimally encoded"
        case .overflow: "varints larger than uint63 not supported"
        case .truncated: "varints malformed, could not reach the end"
        }
    }
}
