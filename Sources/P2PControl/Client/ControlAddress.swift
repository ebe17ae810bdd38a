import Multiformats

/// Where a daemon's control socket is.
public enum ControlAddress: Hashable, Sendable {
    /// A port, at a numeric address.
    case tcp(host: String, port: UInt16)
    /// A Unix socket.
    case unix(path: String)

    /// Reads a path, `/unix/PATH` or `/ip4|ip6/ADDRESS/tcp/PORT`.
    /// - Returns: nil for anything else.
    public init?(_ text: String) {
        if text.hasPrefix("/unix/") || text.hasPrefix("/ip4/") || text.hasPrefix("/ip6/") {
            guard let address = try? Multiaddr(text) else {
                return nil  // What is wrong is told by whoever shows the usage.
            }
            self.init(address)
        } else if text.isEmpty || text.contains("\0") {
            return nil
        } else {
            self = .unix(path: text)
        }
    }

    private init?(_ address: Multiaddr) {
        if let path = address.unixPath {
            self = .unix(path: path)
        } else if let endpoint = address.tcpEndpoint {
            self = .tcp(host: endpoint.host, port: endpoint.port)
        } else {
            return nil
        }
    }

    /// The socket of the system's daemon.
    public static let system = ControlAddress.unix(path: "/run/p2pd/control.sock")
    /// The socket of a daemon that was started by hand.
    public static let byHand = ControlAddress.unix(path: "/tmp/p2pd.sock")
}

extension ControlAddress: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): path
        }
    }
}
