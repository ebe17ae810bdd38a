/// Parses a command line the way Go's `flag` package does, because that is what the daemon's users have written theirs for.
///
/// `-x=v`, `-x v`, `--x`; booleans only `-x` and `-x=v`; whole numbers in Go's notations, durations with a unit; parsing stops at
/// the first word that is no flag, and at `--`.
struct FlagSet {
    let flags: [Flag]
    private let byName: [String: Flag]

    init(_ flags: [Flag]) {
        self.flags = flags
        self.byName = Dictionary(flags.map { ($0.name, $0) }) { first, _ in first }
    }

    /// What became of a command line.
    enum Outcome {
        case values(FlagValues)
        /// Help was asked for.
        case help
        /// The text of the error, without the usage.
        case failed(String)
    }

    /// - Parameter arguments: without the program's name.
    func parse(_ arguments: [String]) -> Outcome {
        var values = FlagValues(self.flags)
        var rest = arguments[...]
        while let word = rest.first, word.utf8.count >= 2, word.utf8.first == UInt8(ascii: "-") {
            rest = rest.dropFirst()
            if word == "--" { break }
            let body = word.hasPrefix("--") ? word.dropFirst(2) : word.dropFirst()
            guard let first = body.first, first != "-", first != "=" else {
                return .failed("bad flag syntax: \(word)")
            }
            let name: Substring
            var text: Substring?
            if let equals = body.firstIndex(of: "=") {
                name = body[..<equals]
                text = body[body.index(after: equals)...]
            } else {
                name = body
            }
            guard let flag = self.byName[String(name)] else {
                return name == "h" || name == "help" ? .help : .failed("flag provided but not defined: -\(name)")
            }
            if text == nil, !flag.isBool {
                guard let next = rest.popFirst() else { return .failed("flag needs an argument: -\(name)") }
                text = Substring(next)
            }
            if let error = values.set(flag, text.map(String.init) ?? "true") {
                return .failed(error)
            }
        }
        values.rest = Array(rest)
        return .values(values)
    }

    /// The list of flags as Go prints it.
    func usage(program: String) -> String {
        var text = "Usage of \(program):\n"
        for flag in self.flags.sorted(by: { $0.name < $1.name }) {
            var line = "  -\(flag.name)"
            if let kind = flag.initial.kindName { line += " \(kind)" }
            line += line.utf8.count <= 4 ? "\t" : "\n    \t"
            line += flag.usage
            if let shown = flag.initial.shownDefault { line += " (default \(shown))" }
            text += line + "\n"
        }
        return text
    }
}

/// One flag: its name, its value when it is not given, and what it is for.
struct Flag: Sendable {
    /// Which daemon knew it.
    enum Origin: Sendable {
        case both
        /// hivemind's fork alone; one of these on the command line means hivemind's daemon is meant.
        case fork
        /// Ours.
        case own
        case upstream
    }

    /// What it does here.
    enum Effect: Sendable {
        /// It never had one that is missed; ignored without a word.
        case none
        /// What it asks for is not there yet: the operator is told once.
        case missing
        case works
    }

    let name: String
    let initial: FlagValue
    let usage: String
    let origin: Origin
    let effect: Effect

    init(_ name: String, _ initial: FlagValue, _ usage: String, _ origin: Origin = .both, _ effect: Effect = .works) {
        self.name = name
        self.initial = initial
        self.usage = usage
        self.origin = origin
        self.effect = effect
    }

    var isBool: Bool {
        if case .bool = self.initial { true } else { false }
    }
}

/// The value of a flag.
enum FlagValue: Sendable, Hashable {
    case bool(Bool)
    case duration(GoDuration)
    case int(Int64)
    case string(String)

    fileprivate var kindName: String? {
        switch self {
        case .bool: nil
        case .duration: "duration"
        case .int: "int"
        case .string: "string"
        }
    }

    /// Zero values are not shown.
    fileprivate var shownDefault: String? {
        switch self {
        case .bool(let value): value ? "true" : nil
        case .duration(let value): value.nanoseconds == 0 ? nil : value.description
        case .int(let value): value == 0 ? nil : "\(value)"
        case .string(let value): value.isEmpty ? nil : "\"\(value)\""
        }
    }
}

/// The values of all flags, and which of them the command line gave.
struct FlagValues {
    private var values: [String: FlagValue]
    private(set) var given: [Flag] = []
    /// Words behind the flags.
    fileprivate(set) var rest: [String] = []

    fileprivate init(_ flags: [Flag]) {
        self.values = Dictionary(flags.map { ($0.name, $0.initial) }) { first, _ in first }
    }

    /// - Returns: the text of the error.
    fileprivate mutating func set(_ flag: Flag, _ text: String) -> String? {
        switch flag.initial {
        case .bool:
            guard let value = GoNumber.bool(text) else {
                return "invalid boolean value \"\(text)\" for -\(flag.name): parse error"
            }
            self.values[flag.name] = .bool(value)
        case .duration:
            guard let value = GoDuration(text) else {
                return "invalid value \"\(text)\" for flag -\(flag.name): parse error"
            }
            self.values[flag.name] = .duration(value)
        case .int:
            guard let value = GoNumber.int(text) else {
                return "invalid value \"\(text)\" for flag -\(flag.name): parse error"
            }
            self.values[flag.name] = .int(value)
        case .string:
            self.values[flag.name] = .string(text)
        }
        self.given.removeAll { $0.name == flag.name }
        self.given.append(flag)
        return nil
    }

    func isGiven(_ name: String) -> Bool { self.given.contains { $0.name == name } }

    func bool(_ name: String) -> Bool {
        if case .bool(let value) = self.values[name] { return value }
        assertionFailure("no boolean flag -\(name)")
        return false
    }

    func duration(_ name: String) -> GoDuration {
        if case .duration(let value) = self.values[name] { return value }
        assertionFailure("no duration flag -\(name)")
        return GoDuration(nanoseconds: 0)
    }

    func int(_ name: String) -> Int64 {
        if case .int(let value) = self.values[name] { return value }
        assertionFailure("no number flag -\(name)")
        return 0
    }

    func string(_ name: String) -> String {
        if case .string(let value) = self.values[name] { return value }
        assertionFailure("no text flag -\(name)")
        return ""
    }

    /// A comma-separated list; empty when the flag is.
    func list(_ name: String) -> [String] {
        self.string(name).split(separator: ",").map(String.init)
    }
}
