/// What the daemon tells whoever started it. Its words and line heads are an interface: clients wait for them.
struct Console: Sendable {
    /// Nothing is printed on standard output (`-q`).
    var isQuiet: Bool

    /// The lines of a start that succeeded, in one write each.
    func announce(control: [String], peer: String, addresses: [String], bootstrapPeers: [String]) {
        guard !self.isQuiet else { return }
        for address in control {
            LogOutput.standardOutput.write("Control socket: \(address)\n")
        }
        LogOutput.standardOutput.write("Peer ID: \(peer)\n")
        LogOutput.standardOutput.write("Peer Addrs:\n" + addresses.map { $0 + "\n" }.joined())
        if !bootstrapPeers.isEmpty {
            LogOutput.standardOutput.write("Bootstrap peers:\n" + bootstrapPeers.map { $0 + "\n" }.joined())
        }
    }

    func show(_ text: String) {
        LogOutput.standardOutput.write(text)
    }

    /// One line on standard error, dated as Go's `log` package does.
    static func complain(_ text: String) {
        LogOutput.standardError.write("\(GoTimestamp.line()) \(text)\n")
    }
}
