import LibP2P
import LibP2PCore
import LibP2PSwarm
import LocalIPC
import Logging
import Multiformats
import NIOCore
import NIOPosix
import P2PControl
import Synchronization

/// One run of the daemon: start, service, end.
///
/// The event loops do the work; the thread that made it waits for signals, and for `Signals.wake`.
final class DaemonRun: Sendable {
    fileprivate enum End: Sendable, Hashable {
        case clientsLeft
        case failed(String)
    }

    fileprivate struct State {
        var isServing = false
        var hasServedPersistentConnections = false
        var end: End?
        var isClosed = false
    }

    /// How long clients and peers are given at the end.
    private static let closeSeconds: Int64 = 10
    /// Streams that a peer may have open of one protocol: as many as one Yamux connection carries.
    private static let streamsPerPeer = 1000

    private let options: DaemonOptions
    private let logger: Logger
    private let group: MultiThreadedEventLoopGroup
    private let tenants: [Tenant]
    /// As printed.
    private let controlAddresses: [String]
    private let state: SharedState

    /// The callbacks of a tenant need it before the run is whole.
    private final class SharedState: Sendable {
        let value = Mutex(State())

        func end(_ end: End) {
            self.value.withLock { state in
                if state.end == nil { state.end = end }
            }
            Signals.wake()
        }
    }

    /// Binds the control sockets and builds the host. Nothing is served yet.
    init(_ options: DaemonOptions, _ sockets: PassedSockets, _ logs: LogSettings) throws(DaemonError) {
        self.options = options
        self.logger = logs.logger("p2pd")
        let identity = try Self.identity(options)
        let listeners = try Self.listeners(options, sockets)
        self.controlAddresses = listeners.map { listener in
            ControlEndpoint.address(of: listener.endpoint, asked: sockets.isEmpty ? options.controlAddress : nil)
        }
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: options.eventLoops ?? ProcessLimits.eventLoops)
        let host = Host(
            configuration: Self.hostConfiguration(options, identity),
            group: self.group,
            logger: self.logger
        )
        let state = SharedState()
        self.state = state
        var control = ControlConfiguration()
        control.maximumMessageBytes = options.maximumMessageBytes
        control.daemonUID = ProcessLimits.userID
        let exitsWithItsClients = options.personality.exitsWithItsClients
        let tenant = Tenant(
            name: "default",
            host: host,
            listeners: listeners,
            personality: options.personality,
            configuration: control,
            logger: self.logger,
            onPersistentConnectionCountChanged: { count in
                guard exitsWithItsClients else { return }
                if count > 0 {
                    state.value.withLock { $0.hasServedPersistentConnections = true }
                } else {
                    state.end(.clientsLeft)
                }
            }
        )
        self.tenants = [tenant]
    }

    private static func identity(_ options: DaemonOptions) throws(DaemonError) -> PrivateKey {
        guard let path = options.identityPath else { return try IdentityFile.fresh() }
        return try IdentityFile.load(path)
    }

    private static func listeners(
        _ options: DaemonOptions,
        _ sockets: PassedSockets
    ) throws(DaemonError) -> [LocalListener] {
        if !sockets.isEmpty {
            let named = sockets.sockets.filter { $0.name == "control" }
            return (named.isEmpty ? sockets.sockets : named).compactMap { socket in
                LocalEndpoint(boundTo: socket.descriptor).map {
                    LocalListener(adopting: socket.descriptor, endpoint: $0)
                }
            }
        }
        let endpoint = try ControlEndpoint.endpoint(of: options.controlAddress)
        do {
            return [try LocalListener(endpoint, mode: options.controlMode)]
        } catch {
            throw .fatal("\(error)")
        }
    }

    private static func hostConfiguration(_ options: DaemonOptions, _ identity: PrivateKey) -> HostConfiguration {
        var configuration = HostConfiguration(identity: identity, agentVersion: DaemonVersion.agent)
        configuration.listenAddresses = options.hostAddresses
        configuration.announceAddresses = options.announceAddresses
        configuration.isEchoEnabled = options.echoes
        configuration.securities = [options.tls ? .tls : nil, options.noise ? .noise : nil].compactMap { $0 }
        if let manager = options.connectionManager {
            configuration.connections.connectionManager.lowWater = manager.low
            configuration.connections.connectionManager.highWater = manager.high
            configuration.connections.connectionManager.gracePeriod = manager.grace
        }
        configuration.limits = Self.limits(configuration)
        return configuration
    }

    /// go-libp2p's limits, with room for a program that serves one peer many streams of one protocol: that is what this daemon is
    /// for, and what each of them can hold is bounded by its window.
    private static func limits(_ configuration: HostConfiguration) -> ResourceLimits {
        var limits = ResourceLimits.scaled(
            memoryBytes: MachineResources.memoryBytes,
            descriptors: MachineResources.descriptors,
            highWater: configuration.connections.connectionManager.highWater
        )
        let streams = Self.streamsPerPeer
        limits.peer.inboundStreams = max(limits.peer.inboundStreams, streams)
        limits.peer.outboundStreams = max(limits.peer.outboundStreams, streams)
        limits.peer.streams = max(limits.peer.streams, 2 * streams)
        limits.protocolPeer.inboundStreams = max(limits.protocolPeer.inboundStreams, streams)
        limits.protocolPeer.outboundStreams = max(limits.protocolPeer.outboundStreams, streams)
        limits.protocolPeer.streams = max(limits.protocolPeer.streams, 2 * streams)
        return limits
    }
}

// MARK: - Start

extension DaemonRun {
    /// Listens, bootstraps, tells the world and takes clients, in this order; a failure ends the run.
    func start() {
        let hosts = self.tenants.map { $0.host.start() }
        EventLoopFuture.andAllSucceed(hosts, on: self.group.next())
            .flatMap { self.bootstrap() }
            .flatMap { self.serve() }
            .whenFailure { self.state.end(.failed("\($0)")) }
    }

    private func bootstrap() -> EventLoopFuture<Void> {
        let loop = self.group.next()
        guard self.options.bootstraps, let tenant = self.tenants.first else { return loop.makeSucceededVoidFuture() }
        let bootstrapper = Bootstrapper(
            host: tenant.host,
            addresses: self.options.bootstrapPeers,
            loop: loop,
            logger: self.logger
        )
        return bootstrapper.connect().map {
            bootstrapper.keepConnected()
        }.flatMapErrorThrowing { error in
            if let failure = error as? Bootstrapper.Failure {
                for (peer, reason) in failure.reasons {
                    let line = reason.split(separator: "\n").joined(separator: " ")
                    Console.complain("bootstrap peer \(peer): \(line)")
                }
            }
            throw StartFailure(description: "failed to connect to bootstrap peers")
        }
    }

    private struct StartFailure: Error, CustomStringConvertible {
        let description: String
    }

    private func serve() -> EventLoopFuture<Void> {
        let loop = self.group.next()
        for tenant in self.tenants {
            Console(isQuiet: self.options.isQuiet).announce(
                control: self.controlAddresses,
                peer: "\(tenant.host.peerID)",
                addresses: tenant.host.addresses.map { "\($0)" },
                bootstrapPeers: self.options.printsBootstrapPeers
                    ? self.options.bootstrapPeers.map { "\($0)" } : []
            )
        }
        self.state.value.withLock { $0.isServing = true }
        if self.options.personality.exitsWithItsClients, let idle = self.options.idleTimeout {
            let state = self.state
            loop.scheduleTask(in: idle) {
                if !state.value.withLock({ $0.hasServedPersistentConnections }) { state.end(.clientsLeft) }
            }
        }
        return EventLoopFuture.andAllSucceed(self.tenants.map { $0.serve(on: self.group) }, on: loop)
    }
}

// MARK: - End

extension DaemonRun {
    /// Takes signals until the run is over; closes everything then.
    ///
    /// - Returns: the exit code.
    func waitForTheEnd() -> Int32 {
        while true {
            switch Signals.next() {
            case .dump:
                self.dump()
            case .interrupt:
                let isServing = self.state.value.withLock { $0.isServing }
                if isServing, self.options.personality.ignoresInterruptWhileServing { continue }
                return self.close(130)
            case .terminate:
                return self.close(self.options.personality.terminationExitCode)
            case .wake:
                switch self.state.value.withLock({ $0.end }) {
                case .clientsLeft:
                    return self.close(0)
                case .failed(let line):
                    self.tenants.forEach { $0.stopListening() }
                    return Daemon.fail(line)
                case nil:
                    continue
                }
            case .reload, nil:
                continue
            }
        }
    }

    /// Says goodbye; a second signal, or ten seconds, end the patience.
    private func close(_ code: Int32) -> Int32 {
        let closes = self.tenants.map { $0.close() }
        let state = self.state
        EventLoopFuture.andAllComplete(closes, on: self.group.next()).whenComplete { _ in
            state.value.withLock { $0.isClosed = true }
            Signals.wake()
        }
        let deadline = NIODeadline.now() + .seconds(Self.closeSeconds)
        while !state.value.withLock({ $0.isClosed }) {
            let left = (deadline - .now()).nanoseconds
            guard left > 0 else { break }
            switch Signals.next(within: left) {
            case .interrupt, .terminate: return code
            case .dump, .reload, .wake, nil: continue
            }
        }
        return code
    }

    private func dump() {
        for tenant in self.tenants {
            let connections = tenant.host.network.connections
            var text = "Host ID: \(tenant.host.peerID)\nConnections and streams (\(connections.count)):\n"
            for connection in connections {
                let direction = connection.direction == .inbound ? "inbound" : "outbound"
                text += "  \(connection.remotePeer) \(connection.remoteAddress) \(direction)\n"
            }
            LogOutput.standardOutput.write(text)
        }
    }
}
