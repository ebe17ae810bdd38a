/// Why a local endpoint could not be used. The message says what failed and what to do.
public enum LocalIPCError: Error, Sendable, Hashable, CustomStringConvertible {
    /// Another process serves there.
    case addressInUse(LocalEndpoint)
    /// Nobody listens there (ECONNREFUSED, ENOENT): the program is gone.
    case notListening(LocalEndpoint)
    /// The listener runs as another user than the one that named it.
    case ownerMismatch(LocalEndpoint, expected: UInt32, actual: UInt32)
    /// Anything else; the text is the system's.
    case systemError(LocalEndpoint, String)
    /// The listener took no connection in time.
    case timedOut(LocalEndpoint)

    public var description: String {
        switch self {
        case .addressInUse(let endpoint):
            "listen \(endpoint.named): bind: address already in use"
        case .notListening(let endpoint):
            "dial \(endpoint.named): connect: nobody listens there"
        case .ownerMismatch(let endpoint, let expected, let actual):
            "dial \(endpoint.named): the listener runs as uid \(actual), not as uid \(expected)"
        case .systemError(let endpoint, let text):
            "\(endpoint.named): \(text)"
        case .timedOut(let endpoint):
            "dial \(endpoint.named): connect: the listener took no connection in time"
        }
    }
}
