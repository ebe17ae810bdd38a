import P2PControl

/// Why a command failed. `description`: what, why, and what to do.
enum CommandError: Error {
    case daemon(ControlClientError)
    /// Anything of our own; the text says all.
    case failed(String)
    case usage(String)

    /// 1 in general, 2 usage, 3 daemon unreachable, 4 timeout, 5 not found, 6 denied, 7 peer unreachable.
    var exitCode: Int32 {
        switch self {
        case .daemon(.unreachable): 3
        case .daemon(.timedOut): 4
        case .daemon(.refused(let message)): Self.exitCode(ofMessage: message)
        case .daemon(.disconnected), .daemon(.malformedAnswer), .failed: 1
        case .usage: 2
        }
    }

    /// The control protocol has words and no codes; these words are stable because older clients match them too.
    private static func exitCode(ofMessage message: String) -> Int32 {
        if message.hasPrefix("failed to dial") || message.hasPrefix("routing: not found") { return 7 }
        if message == "context deadline exceeded" { return 4 }
        if message.hasSuffix("does not exist") { return 5 }
        if message.contains("by another user") || message.contains("served by the daemon itself") { return 6 }
        return 1
    }
}

extension CommandError: CustomStringConvertible {
    var description: String {
        switch self {
        case .daemon(.disconnected):
            "the daemon closed the connection without an answer; its log says why"
        case .daemon(.malformedAnswer):
            "what answered is no p2pd control socket; check --control"
        case .daemon(.refused(let message)):
            message
        case .daemon(.timedOut):
            "timed out; allow more with --timeout SECONDS"
        case .daemon(.unreachable(let address, let reason)):
            "cannot reach p2pd at \(address): \(reason). \(Self.hint(reason))"
        case .failed(let message), .usage(let message):
            message
        }
    }

    private static func hint(_ reason: String) -> String {
        reason == "Permission denied"
            ? "Join its group (usermod -aG p2p USER) or run as root."
            : "Is it running? (systemctl status p2pd.socket p2pd) Other addresses: --control or P2PD_CONTROL."
    }
}
