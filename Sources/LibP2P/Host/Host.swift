public import LibP2PCore
import LibP2PProtocols
import LibP2PSwarm
import LibP2PTransports
import LibP2PUpgrades
public import Logging
public import Multiformats
public import NIOCore
import Synchronization

/// One libp2p identity with its connections, its protocols and what it knows of peers.
///
/// Usable from any thread; several in one process do not know of each other. `close` it before it is dropped.
public final class Host: Sendable {
    public let configuration: HostConfiguration
    public let peerID: PeerID
    public let peerstore: any Peerstore
    public let resources: ResourceManager

    private let swarm: Swarm
    private let identify: Identify
    private let pings: Ping
    private let services: [any ProtocolService]
    private let ownAddresses: HostAddresses
    private let group: any EventLoopGroup
    private let logger: Logger
    private let failures = Mutex<[DialFailure]>([])

    /// Builds the host; nothing is bound or dialled before `start`.
    ///
    /// - Parameter group: of NIOPosix; not shut down by the host.
    public init(configuration: HostConfiguration, group: any EventLoopGroup, logger: Logger) {
        var logger = logger
        let peerID = configuration.identity.peerID
        logger[metadataKey: "host"] = "\(peerID)"
        self.configuration = configuration
        self.peerID = peerID
        self.group = group
        self.logger = logger

        let peerstore = MemoryPeerstore(limits: configuration.peerstore)
        peerstore.setPublicKey(configuration.identity.publicKey, of: peerID)
        self.peerstore = peerstore
        self.resources = ResourceManager(limits: configuration.limits)
        self.swarm = Self.makeSwarm(configuration, peerstore, self.resources, group, logger)

        let ownAddresses = HostAddresses(
            announced: configuration.announceAddresses,
            tellsPrivate: configuration.announcesPrivateAddresses
        )
        self.ownAddresses = ownAddresses
        var identifyConfiguration = IdentifyConfiguration(
            identity: configuration.identity,
            agentVersion: configuration.agentVersion
        )
        identifyConfiguration.protocolVersion = configuration.protocolVersion
        let loop = group.next()
        let identify = Identify(
            configuration: identifyConfiguration,
            network: self.swarm,
            peerstore: peerstore,
            addresses: { [swarm] observed in
                ownAddresses.told(listening: swarm.listenAddresses, observed: observed, now: loop.now)
            },
            eventLoop: loop,
            logger: logger
        )
        self.identify = identify
        self.pings = Ping(network: self.swarm)
        let context = ProtocolContext(
            network: self.swarm,
            configuration: configuration,
            identify: identify,
            ping: self.pings
        )
        self.services = BuiltIn.protocols.compactMap { $0(context) }
    }

    private static func makeSwarm(
        _ configuration: HostConfiguration,
        _ peerstore: any Peerstore,
        _ resources: ResourceManager,
        _ group: any EventLoopGroup,
        _ logger: Logger
    ) -> Swarm {
        let peerID = configuration.identity.peerID
        let upgrader = ConnectionUpgrader(
            localPeer: peerID,
            securities: configuration.securities.map { BuiltIn.security($0, configuration) },
            muxers: BuiltIn.muxers.map { $0(configuration) },
            negotiation: ChannelNegotiator(),
            admission: ConnectionAdmission(resources: resources, gater: configuration.gater)
        )
        let context = TransportContext(group: group, upgrader: upgrader, configuration: configuration, logger: logger)
        var connections = configuration.connections
        if !configuration.trimsConnections {
            connections.connectionManager.highWater = .max
        }
        return Swarm(
            localPeer: peerID,
            transports: BuiltIn.transports.map { $0(context) },
            peerstore: peerstore,
            resolver: DNSResolver(),
            resources: resources,
            gater: configuration.gater,
            negotiation: StreamNegotiator(),
            group: group,
            configuration: connections,
            logger: logger
        )
    }

    /// Answers the built-in protocols and binds the configured addresses.
    ///
    /// Succeeds when at least one address is bound or none was given; `listenFailures` says which could not be.
    ///
    /// - Returns: a future that fails with `HostError`.
    public func start() -> EventLoopFuture<Void> {
        for service in self.services {
            service.start()
        }
        let addresses = self.configuration.listenAddresses
        guard !addresses.isEmpty else { return self.group.any().makeSucceededVoidFuture() }
        return self.swarm.listen(on: addresses).flatMapThrowing { outcome in
            self.failures.withLock { $0 = outcome.failures }
            for failure in outcome.failures {
                self.logger.warning(
                    "cannot listen",
                    metadata: ["address": "\(failure.address)", "reason": "\(failure.reason)"]
                )
            }
            guard !outcome.bound.isEmpty else { throw HostError.noAddressBound(outcome.failures) }
        }.flatMapErrorThrowing { error in
            throw error is HostError ? error : HostError.closed
        }
    }

    /// Stops listening, says goodbye on every connection and closes it. Idempotent; takes a few seconds at most.
    public func close() -> EventLoopFuture<Void> {
        for service in self.services {
            service.stop()
        }
        return self.swarm.close()
    }

    /// Connections and streams.
    public var network: any Network { self.swarm }

    public var connectionManager: any ConnectionManager { self.swarm.connectionManager }

    /// What of `HostConfiguration.listenAddresses` could not be bound, and why.
    public var listenFailures: [DialFailure] { self.failures.withLock { $0 } }

    /// Where the host can be reached, without `/p2p/…`: announced addresses if there are any, else the bound ones,
    /// `0.0.0.0` and `::` spelt out, and those that peers see from outside.
    public var addresses: [Multiaddr] {
        self.ownAddresses.all(
            listening: self.swarm.listenAddresses,
            observed: self.identify.observedAddresses,
            now: self.group.any().now
        )
    }
}

/// Peers.
extension Host {
    /// Gives the connection to a peer, dialling it if need be, when it is identified as well.
    ///
    /// A failing identify does not fail it: the connection stands all the same.
    ///
    /// - Parameter timeout: for all of it.
    /// - Returns: a future that fails with `NetworkError`.
    public func connect(
        to peer: PeerID,
        addresses: [Multiaddr] = [],
        timeout: TimeAmount = .seconds(60)
    ) -> EventLoopFuture<any Connection> {
        let loop = self.group.any()
        let deadline = loop.now + max(.zero, min(timeout, .hours(24 * 365)))
        return self.swarm.connect(to: peer, addresses: addresses, timeout: timeout).flatMap { connection in
            let eventLoop = connection.eventLoop
            let promise = eventLoop.makePromise(of: (any Connection).self)
            let timer = eventLoop.scheduleTask(deadline: deadline) {
                promise.fail(NetworkError.timedOut)
            }
            self.identify.identified(connection).whenComplete { _ in
                timer.cancel()
                promise.succeed(connection)
            }
            return promise.futureResult
        }
    }

    /// Succeeds when the peer of the connection is identified, or that has failed, or the connection has closed. Never fails.
    public func identified(_ connection: any Connection) -> EventLoopFuture<Void> {
        self.identify.identified(connection)
    }

    /// Measures one round trip.
    ///
    /// - Returns: a future that fails with `PingError` or `NetworkError`.
    public func ping(_ connection: any Connection, timeout: TimeAmount = .seconds(10)) -> EventLoopFuture<TimeAmount> {
        self.pings.ping(connection, timeout: timeout)
    }
}
