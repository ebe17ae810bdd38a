import P2PControl

extension ControlPersonality {
    /// As which daemon p2pd was started.
    ///
    /// The service manager's sockets decide first; then a flag that only hivemind's fork knows.
    init(values: FlagValues, hasPassedSockets: Bool) {
        if hasPassedSockets {
            self = .systemd
        } else if values.given.contains(where: { $0.origin == .fork }) {
            self = .hivemind
        } else {
            self = .upstream
        }
    }

    /// hivemind starts the daemon for one process and expects it to go with that process.
    var exitsWithItsClients: Bool { self == .hivemind }

    /// hivemind's terminal sends Ctrl-C to the daemon too, which must outlive it to close in order.
    var ignoresInterruptWhileServing: Bool { self == .hivemind }

    /// The exit code after SIGTERM; Go's upstream daemon dies of it, the others end in order.
    var terminationExitCode: Int32 {
        switch self {
        case .hivemind, .systemd: 0
        case .upstream: 143
        }
    }
}
