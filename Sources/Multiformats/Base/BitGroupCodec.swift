/// Bases whose digits are whole bits (2, 16, 32, 64): RFC 4648 with any alphabet.
struct BitGroupCodec: Sendable {
    private let alphabet: [UInt8]
    /// Digit values by character; 0xff where there is none.
    private let values: [UInt8]
    private let bitsPerDigit: Int
    private var isPadded = false

    private static let padding = UInt8(ascii: "=")

    private init(_ alphabet: StaticString, bitsPerDigit: Int, ignoringCase: Bool) {
        self.alphabet = alphabet.withUTF8Buffer { Array($0) }
        self.values = digitValues(self.alphabet, ignoringCase: ignoringCase)
        self.bitsPerDigit = bitsPerDigit
    }

    /// The same alphabet, filled up with `=` to whole groups.
    var padded: BitGroupCodec {
        var copy = self
        copy.isPadded = true
        return copy
    }

    func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var digits: [UInt8] = []
        digits.reserveCapacity((bytes.count * 8 + self.bitsPerDigit - 1) / self.bitsPerDigit + 8)
        let mask = (1 << self.bitsPerDigit) - 1
        var pending = 0
        var pendingBits = 0
        for byte in bytes {
            pending = (pending << 8 | Int(byte)) & 0xffff
            pendingBits += 8
            while pendingBits >= self.bitsPerDigit {
                pendingBits -= self.bitsPerDigit
                digits.append(self.alphabet[pending >> pendingBits & mask])
            }
        }
        if pendingBits > 0 {
            digits.append(self.alphabet[pending << (self.bitsPerDigit - pendingBits) & mask])
        }
        if self.isPadded {
            while !digits.count.isMultiple(of: self.digitsPerGroup) {
                digits.append(BitGroupCodec.padding)
            }
        }
        return digits
    }

    /// Padding has to be complete where the base has it and absent where not.
    ///
    /// - Parameter ignoringUnusedBits: takes set bits behind the last byte; without it a value has exactly one text.
    /// - Throws: `.invalidCharacter` and `.invalidLength`.
    func decode(_ text: [UInt8], ignoringUnusedBits: Bool = false) throws(MultibaseError) -> [UInt8] {
        var digits = text[...]
        if self.isPadded {
            guard text.count.isMultiple(of: self.digitsPerGroup) else {
                throw .invalidLength
            }
            while digits.last == BitGroupCodec.padding {
                digits.removeLast()
            }
            guard text.count - digits.count < self.digitsPerGroup else {
                throw .invalidLength
            }
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count * self.bitsPerDigit / 8)
        var pending = 0
        var pendingBits = 0
        for digit in digits {
            let value = self.values[Int(digit)]
            guard value != 0xff else {
                throw .invalidCharacter
            }
            pending = (pending << self.bitsPerDigit | Int(value)) & 0xffff
            pendingBits += self.bitsPerDigit
            if pendingBits >= 8 {
                pendingBits -= 8
                bytes.append(UInt8(truncatingIfNeeded: pending >> pendingBits))
            }
        }
        // A whole unused digit holds nothing; the text was cut off or extended.
        let unusedBits = pending & ((1 << pendingBits) - 1)
        guard pendingBits < self.bitsPerDigit, ignoringUnusedBits || unusedBits == 0 else {
            throw .invalidLength
        }
        return bytes
    }

    /// The least number of digits that hold whole bytes.
    private var digitsPerGroup: Int {
        switch self.bitsPerDigit {
        case 5: 8
        case 6: 4
        default: 8 / self.bitsPerDigit
        }
    }
}

extension BitGroupCodec {
    static let base2 = BitGroupCodec("01", bitsPerDigit: 1, ignoringCase: false)
    static let base16 = BitGroupCodec("0123456789abcdef", bitsPerDigit: 4, ignoringCase: true)
    static let base16Upper = BitGroupCodec("0123456789ABCDEF", bitsPerDigit: 4, ignoringCase: true)
    static let base32 = BitGroupCodec("abcdefghijklmnopqrstuvwxyz234567", bitsPerDigit: 5, ignoringCase: true)
    static let base32Upper = BitGroupCodec("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", bitsPerDigit: 5, ignoringCase: true)
    static let base32Hex = BitGroupCodec("0123456789abcdefghijklmnopqrstuv", bitsPerDigit: 5, ignoringCase: true)
    static let base32HexUpper = BitGroupCodec("0123456789ABCDEFGHIJKLMNOPQRSTUV", bitsPerDigit: 5, ignoringCase: true)
    static let base32Z = BitGroupCodec("ybndrfg8ejkmcpqxot1uwisza345h769", bitsPerDigit: 5, ignoringCase: true)
    static let base64 = BitGroupCodec(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
        bitsPerDigit: 6,
        ignoringCase: false
    )
    static let base64URL = BitGroupCodec(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        bitsPerDigit: 6,
        ignoringCase: false
    )
    /// I2P's alphabet.
    static let base64Garlic = BitGroupCodec(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~",
        bitsPerDigit: 6,
        ignoringCase: false
    )
}

/// Digit values by character; 0xff where there is none.
func digitValues(_ alphabet: [UInt8], ignoringCase: Bool) -> [UInt8] {
    var values = [UInt8](repeating: 0xff, count: 256)
    for (value, character) in alphabet.enumerated() {
        values[Int(character)] = UInt8(value)
        let isLetter = (0x41...0x5a).contains(character) || (0x61...0x7a).contains(character)
        if ignoringCase && isLetter {
            values[Int(character ^ 0x20)] = UInt8(value)
        }
    }
    return values
}
