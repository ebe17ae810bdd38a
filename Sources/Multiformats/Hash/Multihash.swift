/// A digest that names its hash function. multiformats/multihash.
public struct Multihash: Hashable, Sendable {
    /// varint code ‖ varint digest length ‖ digest.
    public let bytes: [UInt8]
    public let code: MultihashCode
    private let digestStart: Int

    /// The most bytes of a digest: identity digests carry data of any length, so they need a bound.
    public static let maximumDigestLength = 1024

    /// Takes a multihash that fills `bytes`.
    public init(bytes: [UInt8]) throws(MultihashError) {
        let (multihash, length) = try Multihash.read(bytes[...])
        guard length == bytes.count else {
            throw .lengthInconsistent(expected: multihash.digest.count, found: length)
        }
        self = multihash
    }

    /// Names the hash function of a digest that was computed elsewhere.
    ///
    /// - Throws: `.digestTooLong`.
    public init(code: MultihashCode, digest: some Collection<UInt8>) throws(MultihashError) {
        guard digest.count <= Multihash.maximumDigestLength, code.rawValue <= Varint.maximumValue else {
            throw .digestTooLong
        }
        var bytes = Varint.encode(code.rawValue)
        Varint.append(UInt64(digest.count), to: &bytes)
        self.digestStart = bytes.count
        bytes.append(contentsOf: digest)
        self.bytes = bytes
        self.code = code
    }

    private init(bytes: [UInt8], code: MultihashCode, digestStart: Int) {
        self.bytes = bytes
        self.code = code
        self.digestStart = digestStart
    }

    public var digest: ArraySlice<UInt8> { self.bytes[self.digestStart...] }

    /// Reads a multihash at the start of `bytes`.
    ///
    /// - Returns: the multihash and how many bytes it takes.
    static func read(_ bytes: ArraySlice<UInt8>) throws(MultihashError) -> (Multihash, length: Int) {
        guard bytes.count >= 2 else {
            throw .tooShort
        }
        var rest = bytes
        let code: UInt64
        let length: UInt64
        do {
            code = try Varint.read(&rest)
            length = try Varint.read(&rest)
        } catch {
            throw .varint(error)
        }
        guard length <= UInt64(Int32.max) else {
            throw .digestTooLong
        }
        guard length <= UInt64(rest.count) else {
            throw .lengthExceedsBuffer
        }
        guard length <= UInt64(Multihash.maximumDigestLength) else {
            throw .digestTooLong
        }
        let headerLength = bytes.count - rest.count
        let total = headerLength + Int(length)
        let multihash = Multihash(
            bytes: Array(bytes.prefix(total)),
            code: MultihashCode(rawValue: code),
            digestStart: headerLength
        )
        return (multihash, total)
    }
}

/// Why bytes are no multihash.
public enum MultihashError: Error, Sendable, Hashable {
    /// The digest is longer than any that is taken.
    case digestTooLong
    /// The text is not base58.
    case invalidText
    /// The digest is longer than the bytes that are there.
    case lengthExceedsBuffer
    /// Bytes are left over behind the digest.
    case lengthInconsistent(expected: Int, found: Int)
    /// Fewer than two bytes.
    case tooShort
    /// Code or length is no varint.
    case varint(VarintError)
}

extension MultihashError: CustomStringConvertible {
    /// The wording clients of the control protocol know.
    public var description: String {
        switch self {
        case .digestTooLong: "digest too long, supporting only <= 2^31-1"
        case .invalidText: "input isn't valid multihash"
        case .lengthExceedsBuffer: "length greater than remaining number of bytes in buffer"
        case .lengthInconsistent(let expected, let found):
            "multihash length inconsistent: expected \(expected); got \(found)"
        case .tooShort: "multihash too short. must be >= 2 bytes"
        case .varint(let error): error.description
        }
    }
}
