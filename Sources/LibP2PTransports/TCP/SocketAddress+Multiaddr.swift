import Glibc
import Multiformats
import NIOCore

// The socket addresses are read and written as bytes (ip(7), ipv6(7)): both have the family in the first two bytes and the port behind it.

extension SocketAddress {
    /// The address a socket takes; nil when the zone names no interface of this machine.
    init?(_ endpoint: Multiaddr.SocketEndpoint) {
        let port = withUnsafeBytes(of: endpoint.port.bigEndian) { Array($0) }
        switch endpoint.address {
        case .v4:
            let family = withUnsafeBytes(of: sa_family_t(AF_INET)) { Array($0) }
            let bytes = family + port + endpoint.address.bytes + [UInt8](repeating: 0, count: 8)
            self.init(bytes.withUnsafeBytes { $0.loadUnaligned(as: sockaddr_in.self) })
        case .v6:
            var scope: UInt32 = 0
            if let zone = endpoint.zone {
                // An interface's name, or its number as RFC 4007 §11.2 allows.
                scope = UInt32(zone) ?? if_nametoindex(zone)
                guard scope != 0 else {
                    return nil
                }
            }
            let family = withUnsafeBytes(of: sa_family_t(AF_INET6)) { Array($0) }
            let flow = [UInt8](repeating: 0, count: 4)
            let bytes = family + port + flow + endpoint.address.bytes + withUnsafeBytes(of: scope) { Array($0) }
            self.init(bytes.withUnsafeBytes { $0.loadUnaligned(as: sockaddr_in6.self) })
        }
    }
}

extension Multiaddr {
    /// `/ip4|ip6/…/tcp/…` of a TCP socket's address; nil for one of another family.
    init?(_ address: SocketAddress?) {
        guard let address else {
            return nil
        }
        let bytes = address.withSockAddr { pointer, count in
            Array(UnsafeRawBufferPointer(start: UnsafeRawPointer(pointer), count: count))
        }
        let port = bytes.dropFirst(2).prefix(2).reduce(0) { $0 << 8 | UInt16($1) }
        switch address {
        case .v4:
            self.init(ipBytes: bytes.dropFirst(4).prefix(4), tcpPort: port)
        case .v6:
            let scope = bytes.withUnsafeBytes {
                $0.count >= 28 ? $0.loadUnaligned(fromByteOffset: 24, as: UInt32.self) : 0
            }
            self.init(ipBytes: bytes.dropFirst(8).prefix(16), zone: Multiaddr.zone(scope), tcpPort: port)
        case .unixDomainSocket:
            return nil
        }
    }

    /// The name of an interface, or its number when it has none any more.
    private static func zone(_ index: UInt32) -> String? {
        guard index != 0 else {
            return nil
        }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(IF_NAMESIZE)) { buffer in
            guard let name = buffer.baseAddress, if_indextoname(index, name) != nil else {
                return "\(index)"
            }
            return String(cString: name)
        }
    }
}
