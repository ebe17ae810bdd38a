/// A self-describing network address, such as `/ip4/192.0.2.7/tcp/4001`. multiformats/multiaddr.
public struct Multiaddr: Hashable, Sendable, CustomStringConvertible {
    /// The binary form: (varint code ‖ value)*. Always well-formed.
    public let bytes: [UInt8]

    /// Parses the text form. SKELETON.
    public init(_ text: String) throws(MultiaddrError) {
        throw .malformed(text)
    }

    /// Parses the binary form. SKELETON.
    public init(bytes: [UInt8]) throws(MultiaddrError) {
        throw .malformed("")
    }

    /// The parts in order. SKELETON.
    public var components: [Component] { [] }

    public init(components: [Component]) {
        self.bytes = []
    }

    /// The text form. SKELETON.
    public var description: String { "" }

    /// This address followed by another. SKELETON.
    public func appending(_ other: Component) -> Multiaddr { self }

    /// The value of the last `/p2p`, if that is the last part. SKELETON.
    public var peerID: PeerID? { nil }

    /// This address without a trailing `/p2p/…`. SKELETON.
    public var withoutPeerID: Multiaddr { self }

    /// One protocol of an address with its value.
    public struct Component: Hashable, Sendable {
        public let `protocol`: MultiaddrProtocol
        /// The value as in the binary form, without the length prefix of variable-size protocols.
        public let value: [UInt8]

        public init(_ protocol: MultiaddrProtocol, value: [UInt8] = []) {
            self.protocol = `protocol`
            self.value = value
        }

        /// The value as text: `192.0.2.7`, `4001`, `12D3…`, `/run/x.sock`; empty where the protocol has none. SKELETON.
        public var text: String { "" }
    }
}

/// A protocol an address part can name; raw value: its multicodec code. SKELETON: every protocol go-multiaddr knows.
public enum MultiaddrProtocol: UInt64, Sendable, Hashable, CaseIterable {
    case ip4 = 4
    case tcp = 6
    case dns = 53
    case dns4 = 54
    case dns6 = 55
    case dnsaddr = 56
    case ip6 = 41
    case ip6zone = 42
    case ipcidr = 43
    case udp = 273
    case p2pCircuit = 290
    case unix = 400
    case p2p = 421
    case quicV1 = 461
    case ws = 477
    case wss = 478
}

/// Why text or bytes are no multiaddr. Messages in go-multiaddr's wording: control clients are shown them.
public enum MultiaddrError: Error, Sendable, Hashable {
    case malformed(String)
}
