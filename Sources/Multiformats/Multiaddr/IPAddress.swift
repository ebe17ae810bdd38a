/// An IP address of either family.
public enum IPAddress: Hashable, Sendable {
    /// `192.0.2.7` is `0xc0000207`.
    case v4(UInt32)
    /// The upper and the lower half of the 128 bits.
    case v6(high: UInt64, low: UInt64)

    /// Takes 4 or 16 bytes in network order; nil for any other number.
    public init?(bytes: some Collection<UInt8>) {
        switch bytes.count {
        case 4:
            self = .v4(bytes.reduce(0) { $0 << 8 | UInt32($1) })
        case 16:
            self = .v6(
                high: bytes.prefix(8).reduce(0) { $0 << 8 | UInt64($1) },
                low: bytes.dropFirst(8).reduce(0) { $0 << 8 | UInt64($1) }
            )
        default:
            return nil
        }
    }

    /// 4 or 16 bytes in network order.
    public var bytes: [UInt8] {
        switch self {
        case .v4(let address): bigEndian(address)
        case .v6(let high, let low): bigEndian(high) + bigEndian(low)
        }
    }

    /// The IPv4 address inside an IPv4-mapped IPv6 address (`::ffff:0:0/96`), else the address itself.
    public var unmapped: IPAddress {
        if case .v6(high: 0, let low) = self, low >> 32 == 0xffff {
            return .v4(UInt32(truncatingIfNeeded: low))
        }
        return self
    }
}

extension IPAddress: CustomStringConvertible {
    /// Dotted decimal, or RFC 5952 (lower case, the longest run of zeros shortened, IPv4-mapped in dotted decimal).
    public var description: String {
        switch self {
        case .v4(let address):
            return bigEndian(address).map { "\($0)" }.joined(separator: ".")
        case .v6(let high, let low):
            if case .v4(let mapped) = self.unmapped {
                return "::ffff:\(IPAddress.v4(mapped))"
            }
            return IPAddress.text(groups: IPAddress.groups(high) + IPAddress.groups(low))
        }
    }

    private static func groups(_ half: UInt64) -> [UInt16] {
        [48, 32, 16, 0].map { UInt16(truncatingIfNeeded: half >> $0) }
    }

    private static func text(groups: [UInt16]) -> String {
        var longest = 0..<0
        var start = 0
        while start < groups.count {
            let end = groups[start...].firstIndex { $0 != 0 } ?? groups.count
            // RFC 5952 §4.2.2, §4.2.3: one group is not shortened; of equal runs the first is.
            if end - start > max(longest.count, 1) {
                longest = start..<end
            }
            start = end + 1
        }
        let hexadecimal = groups.map { String($0, radix: 16) }
        guard !longest.isEmpty else {
            return hexadecimal.joined(separator: ":")
        }
        return hexadecimal[..<longest.lowerBound].joined(separator: ":") + "::"
            + hexadecimal[longest.upperBound...].joined(separator: ":")
    }
}

extension IPAddress {
    /// Reads dotted decimal without leading zeros, or RFC 4291 §2.2 text without a zone.
    public init?(_ text: some StringProtocol) {
        if text.utf8.contains(UInt8(ascii: ":")) {
            guard let groups = IPAddress.parseGroups(text) else {
                return nil
            }
            self.init(bytes: groups.flatMap { bigEndian($0) })
        } else {
            guard let address = IPAddress.parseDotted(text) else {
                return nil
            }
            self = .v4(address)
        }
    }

    private static func parseDotted(_ text: some StringProtocol) -> UInt32? {
        let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else {
            return nil
        }
        var address: UInt32 = 0
        for part in parts {
            // "010" means 8 to some and 10 to others.
            guard (1...3).contains(part.count), part.count == 1 || part.first != UInt8(ascii: "0"),
                let number = IPAddress.parseDigits(part, radix: 10), number <= 255
            else {
                return nil
            }
            address = address << 8 | number
        }
        return address
    }

    private static func parseGroups(_ text: some StringProtocol) -> [UInt16]? {
        let utf8 = Array(text.utf8)
        guard utf8.count <= 45 else {
            return nil
        }
        let colon = UInt8(ascii: ":")
        var gap: Int?
        for index in utf8.indices.dropLast() where utf8[index] == colon && utf8[index + 1] == colon {
            guard gap == nil else {
                return nil
            }
            gap = index
        }
        guard let gap else {
            guard let groups = IPAddress.parseRun(utf8[...], mayEndDotted: true), groups.count == 8 else {
                return nil
            }
            return groups
        }
        guard let head = IPAddress.parseRun(utf8[..<gap], mayEndDotted: false),
            let tail = IPAddress.parseRun(utf8[(gap + 2)...], mayEndDotted: true), head.count + tail.count < 8
        else {
            return nil
        }
        return head + [UInt16](repeating: 0, count: 8 - head.count - tail.count) + tail
    }

    /// Groups between colons; the last may be dotted decimal and counts as two.
    private static func parseRun(_ utf8: ArraySlice<UInt8>, mayEndDotted: Bool) -> [UInt16]? {
        guard !utf8.isEmpty else {
            return []
        }
        let parts = utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        var groups: [UInt16] = []
        for (index, part) in parts.enumerated() {
            if mayEndDotted, index == parts.count - 1, part.contains(UInt8(ascii: ".")) {
                guard let address = IPAddress.parseDotted(String(decoding: part, as: UTF8.self)) else {
                    return nil
                }
                groups.append(UInt16(truncatingIfNeeded: address >> 16))
                groups.append(UInt16(truncatingIfNeeded: address))
                continue
            }
            guard (1...4).contains(part.count), let number = IPAddress.parseDigits(part, radix: 16) else {
                return nil
            }
            groups.append(UInt16(truncatingIfNeeded: number))
        }
        return groups
    }

    /// At most four digits, so that nothing overflows.
    private static func parseDigits(_ digits: some Collection<UInt8>, radix: UInt32) -> UInt32? {
        var number: UInt32 = 0
        for digit in digits {
            let value: UInt32
            switch digit {
            case 0x30...0x39: value = UInt32(digit - 0x30)
            case 0x41...0x46: value = UInt32(digit - 0x41) + 10
            case 0x61...0x66: value = UInt32(digit - 0x61) + 10
            default: return nil
            }
            guard value < radix else {
                return nil
            }
            number = number * radix + value
        }
        return number
    }
}
