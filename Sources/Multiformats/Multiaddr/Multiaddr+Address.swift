/// Making addresses of what sockets know, and reading it from them.
extension Multiaddr {
    /// `/ip4/…/tcp/…`, `/ip6/…/tcp/…`, or with a zone `/ip6zone/…/ip6/…/tcp/…`.
    ///
    /// - Parameter zone: an interface name; ignored for IPv4 and when it is empty or holds a slash.
    public init(ip address: IPAddress, zone: String? = nil, tcpPort port: UInt16) {
        var components: [Component] = []
        if case .v6 = address, let zone, let component = try? Component(.ip6zone, text: zone) {
            components.append(component)
        }
        self.init(components: components + [.ip(address), .tcp(port)])
    }

    /// As above from the 4 or 16 bytes of a socket address; nil for any other number.
    public init?(ipBytes: some Collection<UInt8>, zone: String? = nil, tcpPort port: UInt16) {
        guard let address = IPAddress(bytes: ipBytes) else {
            return nil
        }
        self.init(ip: address, zone: zone, tcpPort: port)
    }

    /// `/unix/…` for a path.
    ///
    /// - Throws: `.value` for an empty path or one that ends in a slash.
    public init(unixPath path: String) throws(MultiaddrError) {
        self.init(components: [try Component(.unix, text: path)])
    }

    /// An IP address and a port, as a socket takes them.
    public struct SocketEndpoint: Hashable, Sendable {
        public let address: IPAddress
        /// The interface of a link-local IPv6 address.
        public let zone: String?
        public let port: UInt16

        /// The address as text, with `%zone` where there is one.
        public var host: String {
            self.zone.map { "\(self.address)%\($0)" } ?? self.address.description
        }
    }

    /// The end point when the address begins with IP (a zone before it) and TCP; what follows does not matter.
    public var tcpEndpoint: SocketEndpoint? { self.endpoint(.tcp) }

    /// The end point when the address begins with IP (a zone before it) and UDP; what follows does not matter.
    public var udpEndpoint: SocketEndpoint? { self.endpoint(.udp) }

    private func endpoint(_ transport: MultiaddrProtocol) -> SocketEndpoint? {
        var components = self.components[...]
        let zone = components.first?.protocol == .ip6zone ? components.removeFirst().text : nil
        guard components.count >= 2, let address = components.removeFirst().ipAddress,
            let transportPart = components.first, transportPart.protocol == transport, let port = transportPart.port
        else {
            return nil
        }
        if zone != nil, case .v4 = address {
            return nil
        }
        return SocketEndpoint(address: address, zone: zone, port: port)
    }

    /// The path when the address is that of a Unix socket.
    public var unixPath: String? { self.first?.path }

    /// The IP address the address begins with (a zone before it).
    public var ipAddress: IPAddress? {
        self.first?.protocol == .ip6zone ? self.components.dropFirst().first?.ipAddress : self.first?.ipAddress
    }

    /// The value of the last `/p2p`, if that is the last part.
    public var peerID: PeerID? { self.components.last?.peerID }

    /// This address without a trailing `/p2p/…`.
    public var withoutPeerID: Multiaddr {
        let components = self.components
        return components.last?.protocol == .p2p ? Multiaddr(components: components.dropLast()) : self
    }

    /// This address with `/p2p/…` at its end: itself when it ends so already.
    public func withPeerID(_ peer: PeerID) -> Multiaddr {
        self.peerID == peer ? self : self.withoutPeerID.appending(.p2p(peer))
    }
}

/// What an address is good for.
extension Multiaddr {
    /// Whether the way leads through a relay.
    public var isRelayed: Bool { self.contains(.p2pCircuit) }

    public var isLoopback: Bool { self.ipAddress?.isLoopback ?? false }

    public var isUnspecified: Bool { self.ipAddress?.isUnspecified ?? false }

    public var isLinkLocal: Bool { self.ipAddress?.isLinkLocal ?? false }

    /// Whether the address is in a private, loopback or link-local network, or names this machine.
    public var isPrivate: Bool {
        if let name = self.domainName {
            return Multiaddr.isName(name, in: "localhost")
        }
        return self.ipAddress?.isPrivate ?? false
    }

    /// Whether anybody can route to the address: public IP, or a name that is not reserved for private use.
    public var isPublic: Bool {
        if let name = self.domainName {
            return !Multiaddr.reservedDomains.contains { Multiaddr.isName(name, in: $0) }
        }
        return self.ipAddress?.isPublic ?? false
    }

    /// The name when the address begins with one that has to be resolved.
    public var domainName: String? {
        switch self.first?.protocol {
        case .dns, .dns4, .dns6, .dnsaddr: self.first?.text
        default: nil
        }
    }

    /// Names that no public server answers for. RFC 6761, RFC 6762, RFC 8375.
    private static let reservedDomains = [
        "home.arpa", "in-addr.arpa", "invalid", "ip6.arpa", "local", "localhost", "test",
    ]

    private static func isName(_ name: String, in domain: String) -> Bool {
        var name = name.lowercased()
        if name.hasSuffix(".") {
            name.removeLast()
        }
        return name == domain || name.hasSuffix("." + domain)
    }
}
