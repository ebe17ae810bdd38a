/// Which limit refused a connection, a stream or memory.
public enum ResourceError: Error, Sendable, Hashable, CustomStringConvertible {
    /// As much as is allowed is in use.
    case limitExceeded(scope: String, resource: String, limit: Int)
    /// It comes too fast.
    case rateExceeded(scope: String, resource: String)
    /// The connection or stream it belongs to has ended.
    case scopeClosed

    public var description: String {
        switch self {
        case .limitExceeded(let scope, let resource, let limit):
            "\(scope): more than \(limit) \(resource)"
        case .rateExceeded(let scope, let resource):
            "\(scope): too many new \(resource)"
        case .scopeClosed:
            "scope is closed"
        }
    }
}
