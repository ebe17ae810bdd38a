/// The number of a hash function. multiformats/multicodec, tag `multihash`.
///
/// Any number is a value; numbers without a name are carried but cannot be printed by name.
public struct MultihashCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt64

    public init(rawValue: UInt64) {
        self.rawValue = rawValue
    }

    public static let identity = MultihashCode(rawValue: 0x00)
    public static let sha1 = MultihashCode(rawValue: 0x11)
    // The multicodec table's names, in which the underscore separates two numbers.
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let sha2_256 = MultihashCode(rawValue: 0x12)
    // swift-format-ignore: AlwaysUseLowerCamelCase
    public static let sha2_512 = MultihashCode(rawValue: 0x13)

    /// The code of a name, nil when no function has it.
    public init?(name: String) {
        if let entry = MultihashCode.table.first(where: { $0.name == name }) {
            self.init(rawValue: entry.code)
            return
        }
        for family in MultihashCode.families where name.hasPrefix(family.prefix) {
            guard let bits = UInt64(name.dropFirst(family.prefix.count)), bits.isMultiple(of: 8),
                (1...family.codes.count).contains(Int(bits / 8))
            else {
                return nil
            }
            self.init(rawValue: family.codes.lowerBound + bits / 8 - 1)
            return
        }
        return nil
    }

    /// The name in the multicodec table, nil when it is not one we know.
    public var name: String? {
        if let entry = MultihashCode.table.first(where: { $0.code == self.rawValue }) {
            return entry.name
        }
        for family in MultihashCode.families where family.codes.contains(self.rawValue) {
            return "\(family.prefix)\((self.rawValue - family.codes.lowerBound + 1) * 8)"
        }
        return nil
    }

    private static let table: [(code: UInt64, name: String)] = [
        (0x00, "identity"),
        (0x11, "sha1"),
        (0x12, "sha2-256"),
        (0x13, "sha2-512"),
        (0x14, "sha3-512"),
        (0x15, "sha3-384"),
        (0x16, "sha3-256"),
        (0x17, "sha3-224"),
        (0x18, "shake-128"),
        (0x19, "shake-256"),
        (0x1a, "keccak-224"),
        (0x1b, "keccak-256"),
        (0x1c, "keccak-384"),
        (0x1d, "keccak-512"),
        (0x1e, "blake3"),
        (0x20, "sha2-384"),
        (0x22, "murmur3-x64-64"),
        (0x56, "dbl-sha2-256"),
        (0xd4, "md4"),
        (0xd5, "md5"),
        (0x1012, "sha2-256-trunc254-padded"),
        (0x1013, "sha2-224"),
        (0x1014, "sha2-512-224"),
        (0x1015, "sha2-512-256"),
        (0x1053, "ripemd-160"),
        (0x1100, "x11"),
        (0xb401, "poseidon-bls12_381-a2-fc1"),
    ]

    /// Functions with one code for each digest length in bytes.
    private static let families: [(prefix: String, codes: ClosedRange<UInt64>)] = [
        ("blake2b-", 0xb201...0xb240),
        ("blake2s-", 0xb241...0xb260),
    ]
}
