/// A place on this machine that a program listens on.
public enum LocalEndpoint: Hashable, Sendable, CustomStringConvertible {
    /// A port on a loopback address, given as a numeric IPv4 or IPv6 address.
    case tcp(host: String, port: Int)
    /// A Unix stream socket, by absolute path.
    case unix(path: String)

    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }

    /// `unix /run/x.sock` or `tcp 127.0.0.1:4000`, as errors name it.
    var named: String {
        switch self {
        case .tcp: "tcp \(self)"
        case .unix: "unix \(self)"
        }
    }
}
