import LibP2PCore

/// The arguments of one `p2pctl key` command.
struct KeyOptions {
    private var values: [String: String] = [:]
    private var files: [String] = []

    private static let withValue: Set<String> = ["--type", "--bits", "--to", "--output"]

    /// Takes `--name value` and `--name=value`, in any order; everything after `--` is a file.
    init(_ arguments: ArraySlice<String>) throws(KeyCommandError) {
        var remaining = arguments
        while let argument = remaining.popFirst() {
            if argument == "--" {
                self.files += remaining
                break
            }
            guard argument.hasPrefix("--") else {
                self.files.append(argument)
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let name = parts.first ?? argument
            if parts.count == 2 {
                self.values[name] = parts.last
            } else if Self.withValue.contains(name) {
                guard let value = remaining.popFirst() else { throw .usage("\(name) needs a value") }
                self.values[name] = value
            } else {
                self.values[name] = ""
            }
        }
    }

    subscript(name: String) -> String? { self.values[name] }

    var force: Bool { self.values["--force"] != nil }

    func allow(_ names: Set<String>) throws(KeyCommandError) {
        if let unknown = self.values.keys.sorted().first(where: { !names.contains($0) }) {
            throw .usage("unknown option \(unknown)")
        }
    }

    func file() throws(KeyCommandError) -> String {
        guard let file = self.files.first, self.files.count == 1, !file.isEmpty else {
            throw .usage("one FILE is needed")
        }
        return file
    }

    func keyType() throws(KeyCommandError) -> KeyType {
        let name = self.values["--type"] ?? "ed25519"
        guard let type = KeyType.allCases.first(where: { "\($0)" == name.lowercased() }) else {
            throw .usage("unknown key type \(name); must be ed25519, rsa, secp256k1 or ecdsa")
        }
        return type
    }

    /// Bits of an RSA key, 2048 by default; other types have one size.
    func bits(for type: KeyType) throws(KeyCommandError) -> Int {
        guard let text = self.values["--bits"] else { return 2048 }
        guard type == .rsa else { throw .usage("--bits is for rsa keys only") }
        guard let bits = Int(text) else { throw .usage("--bits takes a number") }
        return bits
    }

    static func name(ofType number: UInt64) -> String {
        KeyType.allCases.first { UInt64($0.rawValue) == number }.map { "\($0)" } ?? "\(number)"
    }
}
