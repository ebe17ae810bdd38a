public import LibP2PCore
public import Logging
public import Multiformats
public import NIOCore
import Synchronization

/// The connections of one host: dials, listens, keeps one good connection per peer, opens streams and hands inbound ones to handlers.
///
/// Usable from any thread: the state is in one lock, each connection lives on its event loop. Close it before it is dropped.
public final class Swarm: Network {
    public let localPeer: PeerID
    public let events = EventBus()
    public let resources: ResourceManager
    public let configuration: SwarmConfiguration

    let transports: [any Transport]
    let peerstore: any Peerstore
    let resolver: any AddressResolver
    let gater: any ConnectionGater
    let negotiation: any StreamNegotiation
    let group: any EventLoopGroup
    let logger: Logger
    let state: Mutex<State>
    private let clock: any EventLoop
    private let manager: SwarmConnectionManager

    /// - Parameters:
    ///   - localPeer: who we are; dialling it fails.
    ///   - transports: asked in order for each address.
    ///   - negotiation: LibP2PUpgrades' `StreamNegotiator`.
    ///   - group: gives each dialled connection its loop, in turn; inbound ones stay on the loop they were accepted on.
    public init(
        localPeer: PeerID,
        transports: [any Transport],
        peerstore: any Peerstore,
        resolver: any AddressResolver,
        resources: ResourceManager,
        gater: any ConnectionGater = OpenGater(),
        negotiation: any StreamNegotiation,
        group: any EventLoopGroup,
        configuration: SwarmConfiguration = SwarmConfiguration(),
        logger: Logger
    ) {
        self.localPeer = localPeer
        self.transports = transports
        self.peerstore = peerstore
        self.resolver = resolver
        self.resources = resources
        self.gater = gater
        self.negotiation = negotiation
        self.group = group
        self.configuration = configuration
        self.logger = logger
        self.clock = group.next()
        // More attempts than the transient scope admits would only fail; here they wait.
        let permits = min(configuration.concurrentDials, resources.limits.transient.outboundConnections)
        self.state = Mutex(
            State(
                table: ConnectionTable(
                    localPeer: localPeer,
                    simultaneousDialWindow: configuration.simultaneousDialWindow
                ),
                permits: DialPermits(limit: permits)
            )
        )
        self.manager = SwarmConnectionManager(configuration: configuration.connectionManager, loop: self.clock)
        self.manager.start(self)
    }

    /// Decides which connections stay when there are too many.
    public var connectionManager: any ConnectionManager { self.manager }

    /// Sorted by age.
    public var connections: [any Connection] {
        self.state.withLock { $0.table.open }
    }

    public func connections(to peer: PeerID) -> [any Connection] {
        self.state.withLock { $0.table.open(to: peer) }
    }

    public var protocols: [ProtocolID] {
        self.state.withLock { $0.handlers.keys.sorted() }
    }

    public func setHandler(for protocolID: ProtocolID, _ handle: @escaping @Sendable (Stream) -> Void) {
        let isNew = self.state.withLock { $0.handlers.updateValue(handle, forKey: protocolID) == nil }
        if isNew {
            self.events.publish(.localStateChanged)
        }
    }

    public func removeHandler(for protocolID: ProtocolID) {
        let wasThere = self.state.withLock { $0.handlers.removeValue(forKey: protocolID) != nil }
        if wasThere {
            self.events.publish(.localStateChanged)
        }
    }

    func handler(for protocolID: ProtocolID) -> (@Sendable (Stream) -> Void)? {
        self.state.withLock { $0.handlers[protocolID] }
    }

    var openConnections: [SwarmConnection] {
        self.state.withLock { $0.table.open }
    }

    func stopConnectionManager() {
        self.manager.stop()
    }

    func bestConnection(to peer: PeerID) -> SwarmConnection? {
        self.state.withLock { $0.table.best(for: peer) }
    }

    var now: NIODeadline { self.clock.now }
}

/// Streams.
extension Swarm {
    public func openStream(
        to peer: PeerID,
        protocols: [ProtocolID],
        timeout: TimeAmount
    ) -> EventLoopFuture<Stream> {
        let deadline = self.now + timeout.clamped
        guard !protocols.isEmpty else {
            return self.group.any().makeFailedFuture(NetworkError.noProtocols)
        }
        return self.openStream(to: peer, protocols: protocols, deadline: deadline, attempts: 3)
    }

    /// A connection can end between being chosen and being used; nothing has been sent then, so another one is tried.
    private func openStream(
        to peer: PeerID,
        protocols: [ProtocolID],
        deadline: NIODeadline,
        attempts: Int
    ) -> EventLoopFuture<Stream> {
        self.connect(to: peer, addresses: [], timeout: self.remaining(until: deadline)).flatMap { connection in
            connection.openStream(protocols, timeout: self.remaining(until: deadline)).flatMapError { error in
                guard attempts > 1, error as? NetworkError == .connectionClosed, !connection.isOpen,
                    self.now < deadline
                else {
                    return connection.eventLoop.makeFailedFuture(error)
                }
                return self.openStream(to: peer, protocols: protocols, deadline: deadline, attempts: attempts - 1)
            }
        }
    }

    private func remaining(until deadline: NIODeadline) -> TimeAmount {
        max(.zero, deadline - self.now)
    }
}
