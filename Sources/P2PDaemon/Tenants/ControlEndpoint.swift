import LocalIPC
import Multiformats

/// A control socket: where it listens, and how its address is written.
enum ControlEndpoint {
    /// - Throws: for an address that names no local socket.
    static func endpoint(of address: Multiaddr) throws(DaemonError) -> LocalEndpoint {
        if let path = address.unixPath {
            return .unix(path: path)
        }
        if address.components.count == 2, let tcp = address.tcpEndpoint {
            let host = tcp.host == "localhost" ? "127.0.0.1" : tcp.host
            return .tcp(host: host, port: Int(tcp.port))
        }
        throw .fatal("-listen: \(address) is neither /unix/PATH nor /ip4|ip6/ADDRESS/tcp/PORT")
    }

    /// The address that clients connect to; a port 0 in `asked` is resolved.
    static func address(of endpoint: LocalEndpoint, asked: Multiaddr?) -> String {
        switch endpoint {
        case .unix(let path):
            asked?.description ?? "/unix\(path)"
        case .tcp(let host, let port):
            host.contains(":") ? "/ip6/\(host)/tcp/\(port)" : "/ip4/\(host)/tcp/\(port)"
        }
    }
}
