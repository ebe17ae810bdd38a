/// Bytes as text, led by a character that names the alphabet. multiformats/multibase.
public enum Multibase: UInt8, Sendable, Hashable, CaseIterable {
    /// The prefix is NUL; the bytes of the text are the data. Text cannot hold bytes that are not UTF-8.
    case identity = 0x00
    case base2 = 0x30  // 0
    case base16 = 0x66  // f
    case base16Upper = 0x46  // F
    case base32 = 0x62  // b
    case base32Upper = 0x42  // B
    case base32Pad = 0x63  // c
    case base32PadUpper = 0x43  // C
    case base32Hex = 0x76  // v
    case base32HexUpper = 0x56  // V
    case base32HexPad = 0x74  // t
    case base32HexPadUpper = 0x54  // T
    case base32Z = 0x68  // h
    case base36 = 0x6b  // k
    case base36Upper = 0x4b  // K
    case base58BTC = 0x7a  // z
    case base58Flickr = 0x5a  // Z
    case base64 = 0x6d  // m
    case base64Pad = 0x4d  // M
    case base64URL = 0x75  // u
    case base64URLPad = 0x55  // U

    /// The most text that base 36 and base 58 decode: the work grows with the square of it.
    public static let maximumQuadraticLength = 1024

    /// The prefix and the encoded bytes.
    public func encode(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: [self.rawValue] + self.digits(of: bytes), as: UTF8.self)
    }

    /// The encoded bytes without a prefix.
    public func encodeWithoutPrefix(_ bytes: some Collection<UInt8>) -> String {
        String(decoding: self.digits(of: bytes), as: UTF8.self)
    }

    /// Decodes text by its prefix.
    ///
    /// - Throws: `.empty`, `.unknownPrefix`, or what decoding finds wrong.
    public static func decode(_ text: some StringProtocol) throws(MultibaseError) -> (base: Multibase, bytes: [UInt8]) {
        guard let prefix = text.utf8.first else {
            throw .empty
        }
        guard let base = Multibase(rawValue: prefix) else {
            throw .unknownPrefix(prefix)
        }
        return (base, try base.decodeDigits(Array(text.utf8.dropFirst())))
    }

    /// Decodes text that has no prefix.
    public func decodeWithoutPrefix(_ text: some StringProtocol) throws(MultibaseError) -> [UInt8] {
        try self.decodeDigits(Array(text.utf8))
    }

    private func digits(of bytes: some Collection<UInt8>) -> [UInt8] {
        switch self.coding {
        case .identity: Array(bytes)
        case .bits(let codec): codec.encode(bytes)
        case .number(let codec): codec.encode(bytes)
        }
    }

    private func decodeDigits(_ text: [UInt8]) throws(MultibaseError) -> [UInt8] {
        switch self.coding {
        case .identity: return text
        case .bits(let codec): return try codec.decode(text)
        case .number(let codec):
            guard text.count <= Multibase.maximumQuadraticLength else {
                throw .tooLong
            }
            return try codec.decode(text)
        }
    }

    private enum Coding {
        case identity
        case bits(BitGroupCodec)
        case number(PositionalCodec)
    }

    private var coding: Coding {
        switch self {
        case .identity: .identity
        case .base2: .bits(.base2)
        case .base16: .bits(.base16)
        case .base16Upper: .bits(.base16Upper)
        case .base32: .bits(.base32)
        case .base32Upper: .bits(.base32Upper)
        case .base32Pad: .bits(.base32.padded)
        case .base32PadUpper: .bits(.base32Upper.padded)
        case .base32Hex: .bits(.base32Hex)
        case .base32HexUpper: .bits(.base32HexUpper)
        case .base32HexPad: .bits(.base32Hex.padded)
        case .base32HexPadUpper: .bits(.base32HexUpper.padded)
        case .base32Z: .bits(.base32Z)
        case .base36: .number(.base36)
        case .base36Upper: .number(.base36Upper)
        case .base58BTC: .number(.base58BTC)
        case .base58Flickr: .number(.base58Flickr)
        case .base64: .bits(.base64)
        case .base64Pad: .bits(.base64.padded)
        case .base64URL: .bits(.base64URL)
        case .base64URLPad: .bits(.base64URL.padded)
        }
    }
}

/// Why text is not the encoding of bytes.
public enum MultibaseError: Error, Sendable, Hashable {
    /// Nothing to decode, not even a prefix.
    case empty
    /// A character that is not in the alphabet.
    case invalidCharacter
    /// The length cannot be that of whole bytes, the padding is wrong, or unused bits are set.
    case invalidLength
    /// Longer than what is decoded in base 36 and 58.
    case tooLong
    /// No base has this prefix.
    case unknownPrefix(UInt8)
}

extension MultibaseError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .empty: "cannot decode multibase for zero length string"
        case .invalidCharacter: "illegal character in the encoded data"
        case .invalidLength: "illegal length of the encoded data"
        case .tooLong: "encoded data too long"
        case .unknownPrefix: "selected encoding not supported"
        }
    }
}
