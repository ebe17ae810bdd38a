public import LibP2PCore
public import LocalIPC
import Logging
public import NIOCore
import Synchronization

/// Serves control clients in the protobuf encoding. Usable from any thread.
public final class ControlServer: Sendable {
    private struct State {
        var isShutDown = false
        var channels: [ObjectIdentifier: any Channel] = [:]
        var persistentConnections = 0
        var lastPersistentConnection: UInt64 = 0
    }

    let services: ControlServices
    let configuration: ControlConfiguration
    let handlers: HandlerTable
    private let state = Mutex(State())
    private let onPersistentConnectionCountChanged: @Sendable (Int) -> Void

    /// - Parameter onPersistentConnectionCountChanged: told how many persistent connections are open, each time that changes and in
    ///   that order. Called on an event loop, under a lock: it must be quick and must not call back.
    public init(
        services: ControlServices,
        configuration: ControlConfiguration = ControlConfiguration(),
        onPersistentConnectionCountChanged: @escaping @Sendable (Int) -> Void = { _ in }
    ) {
        self.services = services
        self.configuration = configuration
        self.handlers = HandlerTable(services: services, configuration: configuration)
        self.onPersistentConnectionCountChanged = onPersistentConnectionCountChanged
    }

    /// Takes a client's connection and serves it until it ends or becomes a stream.
    ///
    /// Best called in the channel's initializer, or with `autoRead` off: what is read before is lost. Sets `autoRead` off and
    /// `allowRemoteHalfClosure` on. Closes the channel when there are too many.
    /// - Parameter credentials: of a Unix socket's client; nil over TCP.
    public func accept(_ channel: any Channel, credentials: PeerCredentials?, personality: ControlPersonality) {
        let client = ControlClientIdentity(
            owner: HandlerOwner(uid: credentials?.uid),
            personality: personality
        )
        if channel.eventLoop.inEventLoop {
            self.serve(channel, client: client)
        } else {
            channel.eventLoop.execute { self.serve(channel, client: client) }
        }
    }

    /// Protocols that clients handle now, sorted.
    public var handledProtocols: [ProtocolID] { self.handlers.protocols }

    /// Control connections that are open and have not become streams.
    public var connectionCount: Int { self.state.withLock { $0.channels.count } }

    /// Takes no more clients and closes those there are. Streams that were handed over live on.
    public func shutdown() {
        let channels = self.state.withLock { state in
            state.isShutDown = true
            return Array(state.channels.values)
        }
        for channel in channels {
            channel.close(promise: nil)
        }
    }

    private func serve(_ channel: any Channel, client: ControlClientIdentity) {
        let isAdmitted = self.state.withLock { state in
            guard !state.isShutDown, state.channels.count < self.configuration.maximumConnections else {
                return false
            }
            state.channels[ObjectIdentifier(channel)] = channel
            return true
        }
        guard isAdmitted else {
            self.services.logger.debug("control client refused: too many, or shutting down")
            channel.close(promise: nil)
            return
        }
        do {
            // Reads are asked for one by one, so that a client is not read faster than it is served.
            try channel.syncOptions?.setOption(.autoRead, value: false)
            try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
            try channel.pipeline.syncOperations.addHandler(
                ControlConnection(server: self, channel: channel, client: client)
            )
        } catch {
            // Only a channel that is closed already refuses a handler.
            self.connectionEnded(channel)
            channel.close(promise: nil)
        }
    }

    /// The channel has closed, or has become a stream.
    func connectionEnded(_ channel: any Channel) {
        self.state.withLock { $0.channels[ObjectIdentifier(channel)] = nil }
    }

    func nextPersistentConnectionID() -> PersistentConnectionID {
        self.state.withLock { state in
            state.lastPersistentConnection += 1
            return PersistentConnectionID(rawValue: state.lastPersistentConnection)
        }
    }

    func persistentConnectionOpened(_ connection: PersistentConnection) {
        self.handlers.persistentConnectionOpened(connection)
        self.state.withLock { state in
            state.persistentConnections += 1
            self.onPersistentConnectionCountChanged(state.persistentConnections)
        }
    }

    func persistentConnectionClosed(_ connection: PersistentConnection) {
        self.handlers.persistentConnectionClosed(connection.id)
        self.connectionEnded(connection.channel)
        self.state.withLock { state in
            state.persistentConnections -= 1
            self.onPersistentConnectionCountChanged(state.persistentConnections)
        }
    }
}
