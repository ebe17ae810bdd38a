/// Bases that read the bytes as one large number (36, 58). Leading zero bytes are leading zero digits.
///
/// Work grows with the square of the length; the callers bound it.
struct PositionalCodec: Sendable {
    private let alphabet: [UInt8]
    /// Digit values by character; 0xff where there is none.
    private let values: [UInt8]
    private let base: UInt32
    /// How many digits are taken from the number in one division, and the divisor, `base` to that power, below 2^32.
    private let digitsPerStep = 5
    private let step: UInt32

    private init(_ alphabet: StaticString, ignoringCase: Bool) {
        self.alphabet = alphabet.withUTF8Buffer { Array($0) }
        self.values = digitValues(self.alphabet, ignoringCase: ignoringCase)
        let base = UInt32(self.alphabet.count)
        self.base = base
        self.step = base * base * base * base * base
    }

    func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        let zeros = bytes.prefix { $0 == 0 }.count
        var limbs = PositionalCodec.bigEndianLimbs(bytes.dropFirst(zeros))
        var reversed: [UInt8] = []
        reversed.reserveCapacity(bytes.count * 2)
        var first = 0
        while first < limbs.count {
            var remainder: UInt64 = 0
            for index in first..<limbs.count {
                let dividend = remainder << 32 | UInt64(limbs[index])
                limbs[index] = UInt32(truncatingIfNeeded: dividend / UInt64(self.step))
                remainder = dividend % UInt64(self.step)
            }
            while first < limbs.count && limbs[first] == 0 {
                first += 1
            }
            var rest = UInt32(truncatingIfNeeded: remainder)
            for _ in 0..<self.digitsPerStep {
                reversed.append(self.alphabet[Int(rest % self.base)])
                rest /= self.base
            }
        }
        let zero = self.alphabet[0]
        while reversed.last == zero {
            reversed.removeLast()
        }
        reversed.append(contentsOf: repeatElement(zero, count: zeros))
        reversed.reverse()
        return reversed
    }

    /// - Throws: `.invalidCharacter`.
    func decode(_ text: [UInt8]) throws(MultibaseError) -> [UInt8] {
        let zeros = text.prefix { $0 == self.alphabet[0] }.count
        var limbs: [UInt32] = []  // little-endian
        limbs.reserveCapacity(text.count / 5 + 1)
        for character in text.dropFirst(zeros) {
            let value = self.values[Int(character)]
            guard value != 0xff else {
                throw .invalidCharacter
            }
            var carry = UInt64(value)
            for index in limbs.indices {
                let product = UInt64(limbs[index]) * UInt64(self.base) + carry
                limbs[index] = UInt32(truncatingIfNeeded: product)
                carry = product >> 32
            }
            if carry > 0 {
                limbs.append(UInt32(truncatingIfNeeded: carry))
            }
        }
        var bytes = [UInt8](repeating: 0, count: zeros)
        bytes.reserveCapacity(zeros + limbs.count * 4)
        for limb in limbs.reversed() {
            for shift in stride(from: 24, through: 0, by: -8) {
                bytes.append(UInt8(truncatingIfNeeded: limb >> UInt32(shift)))
            }
        }
        // The first limb may have brought up to three zero bytes of its own.
        let surplus = bytes.dropFirst(zeros).prefix { $0 == 0 }.count
        bytes.removeSubrange(zeros..<zeros + surplus)
        return bytes
    }

    private static func bigEndianLimbs(_ bytes: some Collection<UInt8>) -> [UInt32] {
        var limbs: [UInt32] = []
        limbs.reserveCapacity(bytes.count / 4 + 1)
        var limb: UInt32 = 0
        var missing = (4 - bytes.count % 4) % 4
        for byte in bytes {
            limb = limb << 8 | UInt32(byte)
            missing += 1
            if missing == 4 {
                limbs.append(limb)
                limb = 0
                missing = 0
            }
        }
        return limbs
    }
}

extension PositionalCodec {
    static let base36 = PositionalCodec("0123456789abcdefghijklmnopqrstuvwxyz", ignoringCase: true)
    static let base36Upper = PositionalCodec("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", ignoringCase: true)
    static let base58BTC = PositionalCodec(
        "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz",
        ignoringCase: false
    )
    static let base58Flickr = PositionalCodec(
        "123456789abcdefghijkmnopqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ",
        ignoringCase: false
    )
}
