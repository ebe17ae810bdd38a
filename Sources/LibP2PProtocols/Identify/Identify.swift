public import LibP2PCore
public import Logging
public import Multiformats
public import NIOCore
import Synchronization

/// Learns of every connected peer what it speaks and where it is, and tells it the same of us.
///
/// `/ipfs/id/1.0.0` and `/ipfs/id/push/1.0.0`; libp2p/specs identify/README.md.
public final class Identify: Sendable {
    public static let protocolID: ProtocolID = "/ipfs/id/1.0.0"
    public static let pushProtocolID: ProtocolID = "/ipfs/id/push/1.0.0"

    private let configuration: IdentifyConfiguration
    private let network: any Network
    private let peerstore: any Peerstore
    private let local: LocalIdentity
    private let eventLoop: any EventLoop
    private let logger: Logger

    private let identifyStreams: StreamQuota
    private let pushStreams: StreamQuota
    private let state = Mutex(IdentifyTable())
    private let subscription = Mutex<EventBus.Subscription?>(nil)

    /// - Parameters:
    ///   - addresses: our own ones as peers are told of them, without `/p2p/…`, given those that peers see; those of narrow scope
    ///     are kept from peers elsewhere.
    ///   - eventLoop: for timers.
    public init(
        configuration: IdentifyConfiguration,
        network: any Network,
        peerstore: any Peerstore,
        addresses: @escaping @Sendable (_ observed: [Multiaddr]) -> [Multiaddr],
        eventLoop: any EventLoop,
        logger: Logger
    ) {
        self.configuration = configuration
        self.network = network
        self.peerstore = peerstore
        self.local = LocalIdentity(configuration: configuration, network: network, addresses: addresses)
        self.eventLoop = eventLoop
        self.logger = logger
        self.identifyStreams = StreamQuota(perPeer: configuration.streamsPerPeer)
        self.pushStreams = StreamQuota(perPeer: configuration.pushesPerPeer)
    }

    /// Answers peers, and identifies each that connects from now on. To be called before the first connection, once.
    public func start() {
        self.network.setHandler(for: Self.protocolID) { self.answer($0) }
        self.network.setHandler(for: Self.pushProtocolID) { self.receivePush($0) }
        let subscription = self.network.events.subscribe { [weak self] event in
            switch event {
            case .connectionOpened(let connection): self?.connectionOpened(connection)
            case .connectionClosed(let connection, _): self?.connectionClosed(connection)
            case .identified: break
            case .localStateChanged: self?.localStateChanged()
            }
        }
        self.subscription.withLock { $0 = subscription }
    }

    /// Ends answering and pushing.
    public func stop() {
        self.subscription.withLock { subscription in
            subscription?.cancel()
            subscription = nil
        }
        self.network.removeHandler(for: Self.protocolID)
        self.network.removeHandler(for: Self.pushProtocolID)
        let waiting = self.state.withLock { $0.stop() }
        for promise in waiting {
            promise.succeed()
        }
    }

    /// Succeeds when the peer of the connection has been identified, or that has failed, or the connection has closed.
    ///
    /// It takes `IdentifyConfiguration.timeout` at most and never fails.
    public func identified(_ connection: any Connection) -> EventLoopFuture<Void> {
        let known = self.state.withLock { $0.completion(of: connection.id) }
        if let known { return known }
        guard connection.isOpen else { return connection.eventLoop.makeSucceededVoidFuture() }
        // The event has not come yet: whoever learns of the connection first begins.
        self.connectionOpened(connection)
        return self.state.withLock { $0.completion(of: connection.id) }
            ?? connection.eventLoop.makeSucceededVoidFuture()
    }

    /// Addresses of ours that enough peers see from outside; changes are announced as `NetworkEvent.localStateChanged`.
    public var observedAddresses: [Multiaddr] {
        self.state.withLock { $0.observed.active }
    }
}

// MARK: - Connections

extension Identify {
    private func connectionOpened(_ connection: any Connection) {
        guard connection.isOpen, self.state.withLock({ $0.open(connection) }) else { return }
        guard connection.isOpen else {
            // It closed while we entered it; its event may have come before.
            return self.connectionClosed(connection)
        }
        self.ask(connection)
    }

    private func connectionClosed(_ connection: any Connection) {
        let (promise, announce) = self.state.withLock { state in
            (state.close(connection), state.observed.connectionClosed(connection.id) == .announce)
        }
        promise?.succeed()
        if announce {
            self.network.events.publish(.localStateChanged)
        }
    }

    private func ask(_ connection: any Connection) {
        let timeout = self.configuration.timeout
        let deadline = connection.eventLoop.now + timeout
        connection.openStream([Self.protocolID], timeout: timeout).hop(to: connection.eventLoop).whenComplete {
            result in
            switch result {
            case .success(let stream):
                let receiver = IdentifyReceiver(stream: stream) { result in
                    self.identifyEnded(connection, result)
                }
                receiver.start(timeout: max(.nanoseconds(0), deadline - connection.eventLoop.now))
            case .failure(let error):
                self.logger.debug("identify failed", metadata: Self.metadata(connection, error: error))
                self.finish(connection, succeeded: false)
            }
        }
    }

    private func identifyEnded(_ connection: any Connection, _ result: Result<IdentifyMessage, IdentifyFailure>) {
        switch result {
        case .success(let message):
            self.finish(connection, succeeded: self.consume(message, from: connection, isPush: false))
        case .failure(let failure):
            self.logger.debug("identify failed", metadata: Self.metadata(connection, error: failure))
            self.finish(connection, succeeded: false)
        }
    }

    private func finish(_ connection: any Connection, succeeded: Bool) {
        let (promise, isOutdated) = self.state.withLock { state in
            (state.identified(connection.id), state.isOutdated(connection.id))
        }
        guard let promise else { return }
        self.network.events.publish(
            .identified(connection.remotePeer, connection: connection.id, succeeded: succeeded)
        )
        promise.succeed()
        if isOutdated {
            self.schedulePush()
        }
    }

    /// Remembers what a message says. False when nothing of it can be believed.
    private func consume(_ message: IdentifyMessage, from connection: any Connection, isPush: Bool) -> Bool {
        let peer = connection.remotePeer
        let facts: IdentifyFacts
        switch IdentifyFacts.judge(
            message,
            peer: peer,
            publicKey: connection.remotePublicKey,
            remoteAddress: connection.remoteAddress
        ) {
        case .accept(let accepted):
            facts = accepted
        case .reject(let violation):
            self.logger.debug("identify rejected", metadata: Self.metadata(connection, error: violation))
            return false
        }

        let now = self.eventLoop.now
        if let protocols = facts.protocols ?? (isPush ? nil : []) {
            self.peerstore.setProtocols(protocols, of: peer)
        }
        if let agentVersion = facts.agentVersion {
            self.peerstore.setAgentVersion(agentVersion, of: peer)
        }
        let isStale = facts.signedRecord.map { !self.peerstore.setSignedRecord($0, of: peer) } ?? false
        if let addresses = facts.addresses, !isStale {
            // Where we reached it is proven, whatever it says.
            let reached = connection.direction == .outbound ? [connection.remoteAddress] : []
            self.peerstore.replaceAddresses(reached + addresses, of: peer, lifetime: .connected, now: now)
        }
        let announce = self.state.withLock { state in
            guard state.isOpen(connection.id) else {
                // It closed meanwhile: what we have just stored is no longer in use.
                if !state.isConnected(peer) {
                    self.peerstore.updateAddresses(of: peer, from: .connected, to: .recentlyConnected, now: now)
                }
                return false
            }
            guard let observed = facts.observedAddress else { return false }
            return state.observed.receive(
                observed,
                on: connection.id,
                localAddress: connection.localAddress,
                remoteAddress: connection.remoteAddress,
                listenAddresses: self.network.listenAddresses
            ) == .announce
        }
        if announce {
            self.network.events.publish(.localStateChanged)
        }
        return true
    }

    private static func metadata(_ connection: any Connection, error: any Error) -> Logger.Metadata {
        ["peer": "\(connection.remotePeer)", "conn": "\(connection.id)", "error": "\(error)"]
    }
}

// MARK: - Streams of peers

extension Identify {
    private func answer(_ stream: Stream) {
        let connection = stream.connection
        guard self.identifyStreams.enter(connection.remotePeer) else {
            return stream.reset(.resourceLimitExceeded)
        }
        let generation = self.state.withLock { $0.generation }
        let sender = IdentifySender(stream: stream) {
            self.identifyStreams.leave(connection.remotePeer)
        }
        sender.start(self.messages(for: connection), timeout: self.configuration.timeout)
        self.state.withLock { $0.told(connection.id, generation: generation) }
    }

    private func messages(for connection: any Connection) -> [UInt8] {
        self.local.messages(for: connection, observed: self.observedAddresses)
    }

    private func receivePush(_ stream: Stream) {
        let connection = stream.connection
        let isAllowed = self.state.withLock { $0.pushLimiter.allow(connection.remoteAddress, now: self.eventLoop.now) }
        guard isAllowed else { return stream.reset(.rateLimited) }
        guard self.pushStreams.enter(connection.remotePeer) else {
            return stream.reset(.resourceLimitExceeded)
        }
        let receiver = IdentifyReceiver(stream: stream) { result in
            self.pushStreams.leave(connection.remotePeer)
            switch result {
            case .success(let message):
                let succeeded = self.consume(message, from: connection, isPush: true)
                self.network.events.publish(
                    .identified(connection.remotePeer, connection: connection.id, succeeded: succeeded)
                )
            case .failure(let failure):
                self.logger.debug("identify push failed", metadata: Self.metadata(connection, error: failure))
            }
        }
        receiver.start(timeout: self.configuration.timeout)
    }
}

// MARK: - Pushing

extension Identify {
    private func localStateChanged() {
        if self.state.withLock({ $0.localStateChanged() }) {
            self.schedulePush()
        }
    }

    private func schedulePush() {
        guard self.state.withLock({ $0.scheduleCollection() }) else { return }
        self.eventLoop.scheduleTask(in: self.configuration.pushDelay) { [weak self] in
            guard let self else { return }
            self.state.withLock { state in
                state.collectOutdated { self.peerstore.firstSupported([Self.pushProtocolID], by: $0) != nil }
            }
            self.pushNext()
        }
    }

    private func pushNext() {
        let limit = self.configuration.concurrentPushes
        while let (connection, generation) = self.state.withLock({ $0.nextPush(limit: limit) }) {
            self.push(to: connection, generation: generation)
        }
    }

    private func push(to connection: any Connection, generation: UInt64) {
        let timeout = self.configuration.timeout
        connection.openStream([Self.pushProtocolID], timeout: timeout).hop(to: connection.eventLoop)
            .whenComplete { result in
                switch result {
                case .success(let stream):
                    let sender = IdentifySender(stream: stream) { self.pushEnded() }
                    sender.start(self.messages(for: connection), timeout: timeout)
                    self.state.withLock { $0.told(connection.id, generation: generation) }
                case .failure(let error):
                    self.logger.debug("identify push failed", metadata: Self.metadata(connection, error: error))
                    self.pushEnded()
                }
            }
    }

    private func pushEnded() {
        self.state.withLock { $0.pushEnded() }
        // Not from within: a long queue of failing pushes must not deepen the stack.
        self.eventLoop.execute { self.pushNext() }
    }
}
