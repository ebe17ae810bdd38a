/// Go's notations of booleans and whole numbers.
enum GoNumber {
    static func bool(_ text: String) -> Bool? {
        switch text {
        case "1", "t", "T", "TRUE", "true", "True": true
        case "0", "f", "F", "FALSE", "false", "False": false
        default: nil
        }
    }

    /// Decimal, `0x…`, `0o…` or `0…` octal, `0b…`, with a sign, and underscores between digits.
    static func int(_ text: String) -> Int64? {
        var digits = Array(text.utf8)[...]
        let isNegative = digits.first == UInt8(ascii: "-")
        if isNegative || digits.first == UInt8(ascii: "+") { digits = digits.dropFirst() }
        var radix = 10
        var mayStartWithUnderscore = false
        if digits.count > 1, digits.first == UInt8(ascii: "0") {
            mayStartWithUnderscore = true
            switch digits[digits.startIndex + 1] | 0x20 {
            case UInt8(ascii: "x"): (radix, digits) = (16, digits.dropFirst(2))
            case UInt8(ascii: "o"): (radix, digits) = (8, digits.dropFirst(2))
            case UInt8(ascii: "b"): (radix, digits) = (2, digits.dropFirst(2))
            default: (radix, digits) = (8, digits.dropFirst())
            }
        }
        var plain: [UInt8] = isNegative ? [UInt8(ascii: "-")] : []
        var wasDigit = mayStartWithUnderscore
        for byte in digits {
            if byte == UInt8(ascii: "_") {
                guard wasDigit else { return nil }
                wasDigit = false
            } else {
                // `Int64` would take a second sign.
                guard byte != UInt8(ascii: "+"), byte != UInt8(ascii: "-") else { return nil }
                plain.append(byte)
                wasDigit = true
            }
        }
        guard wasDigit, !digits.isEmpty else { return nil }
        return Int64(String(decoding: plain, as: UTF8.self), radix: radix)
    }
}

/// A span of time as Go writes it: `1h30m`, `1.5s`, `-250ms`, or a bare `0`.
struct GoDuration: Sendable, Hashable, CustomStringConvertible {
    let nanoseconds: Int64

    init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    private static let units: [(name: String, nanoseconds: Int64)] = [
        ("ns", 1), ("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
        ("m", 60_000_000_000), ("h", 3_600_000_000_000),
    ]

    init?(_ text: String) {
        var rest = Substring(text)
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest = rest.dropFirst() }
        if rest == "0" {
            self.init(nanoseconds: 0)
            return
        }
        guard !rest.isEmpty else { return nil }
        var total: Int64 = 0
        while !rest.isEmpty {
            guard let part = Self.takePart(&rest) else { return nil }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow else { return nil }
            total = sum
        }
        self.init(nanoseconds: isNegative ? -total : total)
    }

    /// Takes one number with its unit off the front.
    private static func takePart(_ rest: inout Substring) -> Int64? {
        let isDigit: (Character) -> Bool = { $0.isASCII && $0.isNumber }
        let whole = rest.prefix(while: isDigit)
        rest = rest.dropFirst(whole.count)
        var fraction = Substring()
        if rest.first == "." {
            rest = rest.dropFirst()
            fraction = rest.prefix(while: isDigit)
            rest = rest.dropFirst(fraction.count)
        }
        guard !whole.isEmpty || !fraction.isEmpty else { return nil }
        let name = rest.prefix { $0 != "." && !isDigit($0) }
        rest = rest.dropFirst(name.count)
        guard let unit = Self.units.first(where: { $0.name == name })?.nanoseconds else { return nil }
        guard let count = whole.isEmpty ? 0 : Int64(whole) else { return nil }
        var (value, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        var scale = unit
        for digit in fraction {
            scale /= 10
            let (sum, overflow) = value.addingReportingOverflow(Int64(digit.wholeNumberValue ?? 0) * scale)
            guard !overflow else { return nil }
            value = sum
        }
        return value
    }

    /// As Go prints it: `2m0s`, `30m0s`, `1.5s`.
    var description: String {
        let seconds = self.nanoseconds / 1_000_000_000
        guard self.nanoseconds % 1_000_000_000 == 0, seconds >= 0 else {
            return "\(Double(self.nanoseconds) / 1e9)s"
        }
        if seconds >= 3600 { return "\(seconds / 3600)h\(seconds % 3600 / 60)m\(seconds % 60)s" }
        if seconds >= 60 { return "\(seconds / 60)m\(seconds % 60)s" }
        return "\(seconds)s"
    }
}
