import LocalIPC
import Multiformats
import NIOCore
import P2PControl

/// What the command line asks for, as values.
struct DaemonOptions: Sendable {
    var announceAddresses: [Multiaddr]
    var bootstrapPeers: [Multiaddr]
    var bootstraps: Bool
    var connectionManager: (low: Int, high: Int, grace: TimeAmount)?
    var controlAddress: Multiaddr
    var controlMode: UInt32?
    var echoes: Bool
    var eventLoops: Int?
    var hostAddresses: [Multiaddr]
    var identityPath: String?
    var idleTimeout: TimeAmount?
    /// True when `-bootstrapPeers` was given with `-b`: the peers are printed then.
    var printsBootstrapPeers: Bool
    var isQuiet: Bool
    var maximumMessageBytes: Int
    var noise: Bool
    var tls: Bool
    var personality: ControlPersonality
    /// What the operator should know: flags without effect.
    var warnings: [String]

    /// - Throws: `DaemonError` with the one line to print.
    init(_ values: FlagValues, hasPassedSockets: Bool) throws(DaemonError) {
        try ConfigurationFile.check(values)
        self.announceAddresses = try Self.addresses(values, "announceAddrs")
        self.bootstraps = values.bool("b")
        self.printsBootstrapPeers = self.bootstraps && values.isGiven("bootstrapPeers")
        let peers = try Self.addresses(values, "bootstrapPeers")
        self.bootstrapPeers = peers.isEmpty && self.bootstraps ? try Self.defaultBootstrapPeers() : peers
        for peer in self.bootstrapPeers where peer.peerID == nil {
            throw .fatal("invalid bootstrap peer \(peer): no peer ID at its end (/p2p/…)")
        }
        if values.bool("connManager") {
            self.connectionManager = (
                low: Self.clamped(values.int("connLo"), 0...1_000_000),
                high: Self.clamped(values.int("connHi"), 0...1_000_000),
                grace: .nanoseconds(max(0, values.duration("connGrace").nanoseconds))
            )
        }
        self.controlAddress = try Self.address(values.string("listen"))
        self.controlMode = try Self.mode(values.string("listenMode"))
        self.echoes = values.bool("echo")
        let loops = values.int("eventLoops")
        self.eventLoops = loops > 0 ? Self.clamped(loops, 1...256) : nil
        self.hostAddresses = values.bool("noListenAddrs") ? [] : try Self.addresses(values, "hostAddrs")
        self.identityPath = values.string("id").isEmpty ? nil : values.string("id")
        let idle = values.duration("idleTimeout").nanoseconds
        self.idleTimeout = idle > 0 ? .nanoseconds(idle) : nil
        self.isQuiet = values.bool("q")
        self.maximumMessageBytes = Self.clamped(values.int("persistentConnMaxMsgSize"), 1024...1_073_741_824)
        self.noise = values.bool("noise")
        self.tls = values.bool("tls")
        self.personality = ControlPersonality(values: values, hasPassedSockets: hasPassedSockets)
        self.warnings = Self.warnings(values)
        try Self.checkCombinations(values)
    }

    private static func checkCombinations(_ values: FlagValues) throws(DaemonError) {
        guard values.bool("noise") || values.bool("tls") else {
            throw .fatal("at least one channel security protocol must be enabled")
        }
        let hasDHT = values.bool("dht") || values.bool("dhtClient") || values.bool("dhtServer")
        if values.bool("autoRelay"), !values.bool("relay") || !hasDHT {
            throw .fatal("can't have autorelay enabled without Relay enabled and DHT enabled")
        }
        if values.bool("forceReachabilityPublic"), values.bool("forceReachabilityPrivate") {
            throw .fatal("forceReachabilityPublic and forceReachabilityPrivate exclude each other")
        }
        let router = values.string("pubsubRouter")
        if values.bool("pubsub"), router != "gossipsub", router != "floodsub" {
            throw .fatal("unknown pubsub router: \(router)")
        }
    }

    private static func warnings(_ values: FlagValues) -> [String] {
        var warnings: [String] = []
        let missing = values.given.filter { flag in
            guard flag.effect == .missing else { return false }
            return switch flag.initial {
            case .bool: values.bool(flag.name)
            case .string: !values.string(flag.name).isEmpty
            case .duration, .int: true
            }
        }
        if !missing.isEmpty {
            let names = missing.map { "-\($0.name)" }.sorted().joined(separator: " ")
            warnings.append("not available in this version, ignored: \(names)")
        }
        if values.bool("plaintext") {
            warnings.append("-plaintext is refused: it lets anybody pose as any peer")
        }
        if values.string("muxer") != "yamux" {
            warnings.append("-muxer: yamux is used, the only multiplexer there is")
        }
        if !values.rest.isEmpty {
            warnings.append("ignored words behind the flags: \(values.rest.joined(separator: " "))")
        }
        return warnings
    }

    private static func clamped(_ value: Int64, _ range: ClosedRange<Int64>) -> Int {
        Int(min(max(value, range.lowerBound), range.upperBound))
    }

    private static func addresses(_ values: FlagValues, _ name: String) throws(DaemonError) -> [Multiaddr] {
        var addresses: [Multiaddr] = []
        for text in values.list(name) {
            addresses.append(try Self.address(text))
        }
        return addresses
    }

    private static func address(_ text: String) throws(DaemonError) -> Multiaddr {
        do {
            return try Multiaddr(text)
        } catch {
            throw .fatal("failed to parse multiaddr \"\(text)\": \(error)")
        }
    }

    private static func mode(_ text: String) throws(DaemonError) -> UInt32? {
        if text.isEmpty { return nil }
        guard let mode = UInt32(text, radix: 8), mode <= 0o777 else {
            throw .fatal("-listenMode: \"\(text)\" is not an octal mode such as 0660")
        }
        return mode
    }

    /// The public peers of IPFS, as go-libp2p-daemon has them.
    private static func defaultBootstrapPeers() throws(DaemonError) -> [Multiaddr] {
        let peers = [
            "/dnsaddr/bootstrap.libp2p.io/p2p/QmNnooDu7bfjPFoTZYxMNLWUQJyrVwtbZg5gBMjTezGAJN",
            "/dnsaddr/bootstrap.libp2p.io/p2p/QmQCU2EcMqAqQPR2i9bChDtGNJchTbq5TbXJJ16u19uLTa",
            "/dnsaddr/bootstrap.libp2p.io/p2p/QmbLHAnMoJPWSCR5Zhtx6BHJX9KiKNN6tpvbUcqanj75Nb",
            "/dnsaddr/bootstrap.libp2p.io/p2p/QmcZf59bWwK5XFi76CZX8cbJ4BhTzzA3gU1ZjYZcYW3dwt",
            "/ip4/104.131.131.82/tcp/4001/p2p/QmaCpDMGvV2BGHeYERUEnRQAwe3N8SzbUtfsmvsqQLuvuJ",
        ]
        var addresses: [Multiaddr] = []
        for peer in peers {
            addresses.append(try Self.address(peer))
        }
        return addresses
    }
}

/// Why the daemon does not start, or stops.
enum DaemonError: Error, Sendable, Hashable {
    /// The one line to print.
    case fatal(String)
}
