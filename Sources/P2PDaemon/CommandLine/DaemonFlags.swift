/// Every flag of go-libp2p-daemon and of hivemind's fork of it, and ours.
enum DaemonFlags {
    static let all: [Flag] = connections + control + routing + relay + network

    private static let connections: [Flag] = [
        Flag(
            "connGrace",
            .duration(GoDuration(nanoseconds: 120_000_000_000)),
            "how long a new connection is not trimmed"
        ),
        Flag("connHi", .int(512), "connections above which some are closed"),
        Flag("connLo", .int(256), "connections that are left then"),
        Flag("connManager", .bool(false), "use connLo, connHi and connGrace (else 160, 192 and 20s)"),
        Flag("b", .bool(false), "connect to bootstrap peers at the start, and keep connected"),
        Flag("bootstrapPeers", .string(""), "comma separated bootstrap peers; default: those of IPFS"),
        Flag("forceReachabilityPrivate", .bool(false), "consider this host unreachable", .both, .missing),
        Flag("forceReachabilityPublic", .bool(false), "consider this host reachable", .both, .missing),
    ]

    private static let control: [Flag] = [
        Flag("echo", .bool(true), "serve /echo/1.0.0", .upstream),
        Flag("eventLoops", .int(0), "threads that carry connections; 0: by the number of cores", .own),
        Flag("f", .string(""), "read the configuration from a JSON file"),
        Flag("i", .bool(false), "read the configuration from standard input"),
        Flag("id", .string(""), "file with the private key; default: a new identity at each start"),
        Flag(
            "idleTimeout",
            .duration(GoDuration(nanoseconds: 0)),
            "exit when no client stays connected in time",
            .fork
        ),
        Flag("listen", .string("/unix/tmp/p2pd.sock"), "address of the control socket"),
        Flag("listenMode", .string(""), "permissions of the control socket, octal; default: by the umask", .own),
        Flag("metricsAddr", .string(""), "serve metrics at this address", .both, .missing),
        Flag("persistentConnMaxMsgSize", .int(4_194_304), "longest control message, bytes", .fork),
        Flag("pprof", .bool(false), "serve Go's profiler", .both, .missing),
        Flag("pprofPort", .int(0), "port of Go's profiler", .both, .none),
        Flag("q", .bool(false), "print nothing on standard output"),
        Flag("version", .bool(false), "print the version and exit", .own),
    ]

    private static let routing: [Flag] = [
        Flag("dht", .bool(false), "take part in the DHT, as a server when reachable", .both, .missing),
        Flag("dhtClient", .bool(false), "take part in the DHT as a client", .both, .missing),
        Flag("dhtServer", .bool(false), "take part in the DHT as a server", .both, .missing),
        Flag(
            "gossipsubHeartbeatInitialDelay",
            .duration(GoDuration(nanoseconds: 0)),
            "before the first heartbeat",
            .both,
            .none
        ),
        Flag("gossipsubHeartbeatInterval", .duration(GoDuration(nanoseconds: 0)), "between heartbeats", .both, .none),
        Flag("pubsub", .bool(false), "enable pubsub", .both, .missing),
        Flag("pubsubRouter", .string("gossipsub"), "gossipsub or floodsub"),
        Flag("pubsubSign", .bool(true), "sign pubsub messages", .both, .none),
        Flag("pubsubSignStrict", .bool(true), "require signatures on pubsub messages", .both, .none),
    ]

    private static let relay: [Flag] = [
        Flag("autoRelay", .bool(false), "use relays when unreachable", .both, .missing),
        Flag("autonat", .bool(false), "tell peers whether they are reachable", .both, .missing),
        // On by default in both daemons and passed by every hivemind client: no warning for what nobody chose.
        Flag("relay", .bool(true), "relay for others, and be relayed", .both, .none),
        Flag("relayActive", .bool(false), "without effect", .both, .none),
        Flag("relayBufferSize", .int(16_777_216), "relay: bytes per circuit", .fork, .none),
        Flag("relayDataLimit", .int(4_294_967_296), "relay: bytes per connection", .fork, .none),
        Flag("relayDiscovery", .bool(true), "find relays through the DHT", .both, .none),
        Flag("relayHop", .bool(false), "without effect", .both, .none),
        Flag("relayHopLimit", .int(0), "without effect", .both, .none),
        Flag("relayMaxCircuits", .int(16), "relay: circuits per peer", .fork, .none),
        Flag("relayMaxReservations", .int(128), "relay: reservations", .fork, .none),
        Flag("relayService", .bool(true), "relay for others", .fork, .none),
        Flag(
            "relayTimeLimit",
            .duration(GoDuration(nanoseconds: 1_800_000_000_000)),
            "relay: life of a circuit",
            .fork,
            .none
        ),
        Flag("trustedRelays", .string(""), "comma separated relays to use", .fork, .missing),
    ]

    private static let network: [Flag] = [
        Flag("announceAddrs", .string(""), "comma separated addresses to announce in place of our own"),
        Flag("hostAddrs", .string(""), "comma separated addresses to listen on; default: none"),
        Flag("muxer", .string("yamux"), "stream multiplexer", .upstream),
        Flag("natPortMap", .bool(false), "map ports at the router", .both, .missing),
        Flag("noListenAddrs", .bool(false), "listen nowhere"),
        Flag("noise", .bool(true), "secure connections with Noise"),
        // Without proof of possession anybody can pose as anybody: it stays off whatever is asked.
        Flag("plaintext", .bool(false), "accepted and refused: connections are always secured", .upstream),
        Flag("quic", .bool(false), "listen on QUIC addresses", .upstream, .none),
        Flag("tls", .bool(true), "secure connections with TLS 1.3"),
    ]
}
