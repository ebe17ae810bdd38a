package import LocalIPC
package import Multiformats

/// Where a client wants its streams, as it said it and as it is connected to.
package struct HandlerAddress: Sendable, Hashable {
    /// As the client gave it: it is compared and shown in this form.
    package let multiaddr: Multiaddr
    package let endpoint: LocalEndpoint
    /// A Unix socket or a loopback port: nothing outside this machine.
    package let isLocal: Bool

    /// - Throws: `.invalid` for an address that names no endpoint a handler can listen on.
    package init(_ multiaddr: Multiaddr) throws(OperationError) {
        self.multiaddr = multiaddr
        let components = multiaddr.components
        guard let first = components.first else {
            throw .invalid("empty multiaddr")
        }
        switch first.protocol {
        case .unix where components.count == 1:
            self.endpoint = .unix(path: try HandlerAddress.path(first.value))
            self.isLocal = true
        case .ip4 where components.count == 2 && components[1].protocol == .tcp:
            self.endpoint = .tcp(host: first.text, port: try HandlerAddress.port(components[1].value))
            self.isLocal = first.value.first == 127
        case .ip6 where components.count == 2 && components[1].protocol == .tcp:
            self.endpoint = .tcp(host: first.text, port: try HandlerAddress.port(components[1].value))
            self.isLocal = first.value == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]
        case .dns, .dns4, .dns6:
            // The one name that needs no resolver and cannot be pointed elsewhere by somebody else's server.
            guard components.count == 2 && components[1].protocol == .tcp && first.text == "localhost" else {
                throw HandlerAddress.unsupported(multiaddr)
            }
            let host = first.protocol == .dns6 ? "::1" : "127.0.0.1"
            self.endpoint = .tcp(host: host, port: try HandlerAddress.port(components[1].value))
            self.isLocal = true
        default:
            throw HandlerAddress.unsupported(multiaddr)
        }
    }

    private static func unsupported(_ multiaddr: Multiaddr) -> OperationError {
        .invalid("handler address \(multiaddr) is neither /unix/PATH nor /ip4|ip6/ADDRESS/tcp/PORT")
    }

    private static func path(_ value: [UInt8]) throws(OperationError) -> String {
        // Older clients leave the leading slash away.
        let bytes = value.first == UInt8(ascii: "/") ? value : [UInt8(ascii: "/")] + value
        guard bytes.count <= HandlerAddress.maximumPathBytes else {
            throw .invalid(
                "handler path longer than the \(HandlerAddress.maximumPathBytes) bytes a Unix socket can have"
            )
        }
        guard !bytes.contains(0), let path = String(validating: bytes, as: UTF8.self) else {
            throw .invalid("handler path is not text")
        }
        return path
    }

    private static func port(_ value: [UInt8]) throws(OperationError) -> Int {
        guard value.count == 2, value != [0, 0] else {
            throw .invalid("handler address has no port")
        }
        return Int(value[0]) << 8 | Int(value[1])
    }

    /// `sockaddr_un.sun_path` without its final NUL.
    static let maximumPathBytes = 107
}
