/// A protocol an address part can name; raw value: its multicodec code. multiformats/multiaddr protocols.csv.
///
/// A new protocol is one case here and one line in `definition`.
public enum MultiaddrProtocol: UInt64, Sendable, Hashable, CaseIterable {
    case ip4 = 4
    case tcp = 6
    case dccp = 33
    case ip6 = 41
    case ip6zone = 42
    case ipcidr = 43
    case dns = 53
    case dns4 = 54
    case dns6 = 55
    case dnsaddr = 56
    case sctp = 132
    case udp = 273
    case p2pWebRTCStar = 275
    case p2pWebRTCDirect = 276
    case p2pStardust = 277
    case webRTCDirect = 280
    case webRTC = 281
    case p2pCircuit = 290
    case udt = 301
    case utp = 302
    case unix = 400
    case p2p = 421
    case https = 443
    case onion = 444
    case onion3 = 445
    case garlic64 = 446
    case garlic32 = 447
    case tls = 448
    case sni = 449
    case noise = 454
    case quic = 460
    case quicV1 = 461
    case webTransport = 465
    case certhash = 466
    case ws = 477
    case wss = 478
    case p2pWebSocketStar = 479
    case http = 480
    case httpPath = 481
    case memory = 777
    case plaintextV2 = 7_367_777

    /// The protocol of a name in the text form; `ipfs` is the old name of `p2p`.
    public init?(name: some StringProtocol) {
        guard let match = MultiaddrProtocol.byName[String(name)] else {
            return nil
        }
        self = match
    }

    /// The name in the text form.
    public var name: String { self.definition.name }

    /// Whether the value is a path that takes the rest of the address (`/unix/run/x.sock`).
    public var isPath: Bool { self == .unix }

    private static let byName: [String: MultiaddrProtocol] = {
        var byName = Dictionary(uniqueKeysWithValues: MultiaddrProtocol.allCases.map { ($0.name, $0) })
        byName["ipfs"] = .p2p
        return byName
    }()
}

extension MultiaddrProtocol {
    /// How many bytes a value takes in the binary form.
    enum ValueSize: Sendable, Hashable {
        case fixed(Int)
        /// varint length ‖ value.
        case prefixed
    }

    struct Definition: Sendable {
        let name: String
        let size: ValueSize
        /// How the value is read from and written as text.
        let transcoder: MultiaddrTranscoder
    }

    var definition: Definition {
        switch self {
        case .ip4: Definition(name: "ip4", size: .fixed(4), transcoder: .ip4)
        case .tcp: Definition(name: "tcp", size: .fixed(2), transcoder: .port)
        case .dccp: Definition(name: "dccp", size: .fixed(2), transcoder: .port)
        case .ip6: Definition(name: "ip6", size: .fixed(16), transcoder: .ip6)
        case .ip6zone: Definition(name: "ip6zone", size: .prefixed, transcoder: .zone)
        case .ipcidr: Definition(name: "ipcidr", size: .fixed(1), transcoder: .prefixLength)
        case .dns: Definition(name: "dns", size: .prefixed, transcoder: .domainName)
        case .dns4: Definition(name: "dns4", size: .prefixed, transcoder: .domainName)
        case .dns6: Definition(name: "dns6", size: .prefixed, transcoder: .domainName)
        case .dnsaddr: Definition(name: "dnsaddr", size: .prefixed, transcoder: .domainName)
        case .sctp: Definition(name: "sctp", size: .fixed(2), transcoder: .port)
        case .udp: Definition(name: "udp", size: .fixed(2), transcoder: .port)
        case .p2pWebRTCStar: Definition(name: "p2p-webrtc-star", size: .fixed(0), transcoder: .none)
        case .p2pWebRTCDirect: Definition(name: "p2p-webrtc-direct", size: .fixed(0), transcoder: .none)
        case .p2pStardust: Definition(name: "p2p-stardust", size: .fixed(0), transcoder: .none)
        case .webRTCDirect: Definition(name: "webrtc-direct", size: .fixed(0), transcoder: .none)
        case .webRTC: Definition(name: "webrtc", size: .fixed(0), transcoder: .none)
        case .p2pCircuit: Definition(name: "p2p-circuit", size: .fixed(0), transcoder: .none)
        case .udt: Definition(name: "udt", size: .fixed(0), transcoder: .none)
        case .utp: Definition(name: "utp", size: .fixed(0), transcoder: .none)
        case .unix: Definition(name: "unix", size: .prefixed, transcoder: .path)
        case .p2p: Definition(name: "p2p", size: .prefixed, transcoder: .peerID)
        case .https: Definition(name: "https", size: .fixed(0), transcoder: .none)
        case .onion: Definition(name: "onion", size: .fixed(12), transcoder: .onion(hostBytes: 10))
        case .onion3: Definition(name: "onion3", size: .fixed(37), transcoder: .onion(hostBytes: 35))
        case .garlic64: Definition(name: "garlic64", size: .prefixed, transcoder: .garlic64)
        case .garlic32: Definition(name: "garlic32", size: .prefixed, transcoder: .garlic32)
        case .tls: Definition(name: "tls", size: .fixed(0), transcoder: .none)
        case .sni: Definition(name: "sni", size: .prefixed, transcoder: .domainName)
        case .noise: Definition(name: "noise", size: .fixed(0), transcoder: .none)
        case .quic: Definition(name: "quic", size: .fixed(0), transcoder: .none)
        case .quicV1: Definition(name: "quic-v1", size: .fixed(0), transcoder: .none)
        case .webTransport: Definition(name: "webtransport", size: .fixed(0), transcoder: .none)
        case .certhash: Definition(name: "certhash", size: .prefixed, transcoder: .certificateHash)
        case .ws: Definition(name: "ws", size: .fixed(0), transcoder: .none)
        case .wss: Definition(name: "wss", size: .fixed(0), transcoder: .none)
        case .p2pWebSocketStar: Definition(name: "p2p-websocket-star", size: .fixed(0), transcoder: .none)
        case .http: Definition(name: "http", size: .fixed(0), transcoder: .none)
        case .httpPath: Definition(name: "http-path", size: .prefixed, transcoder: .escapedPath)
        case .memory: Definition(name: "memory", size: .fixed(8), transcoder: .number64)
        case .plaintextV2: Definition(name: "plaintextv2", size: .fixed(0), transcoder: .none)
        }
    }
}
