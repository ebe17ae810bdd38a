package import LibP2PCore
import LocalIPC
import Logging
package import Multiformats
import NIOCore
import Synchronization

/// Hands inbound streams to the programs that asked for them. Usable from any thread.
package final class HandlerTable: Sendable {
    private struct State {
        var table: RegistrationTable
        var persistentConnections: [PersistentConnectionID: PersistentConnection] = [:]
        /// Protocols for which our handler is set on the network.
        var announced: Set<ProtocolID> = []
    }

    private let services: ControlServices
    private let configuration: ControlConfiguration
    private let state: Mutex<State>
    /// Held while the network is told of protocols, so that what it is told last is what the table says.
    ///
    /// Not `state`: the network publishes an event from within `setHandler`, and a subscriber may look at the table.
    private let announcing = Mutex(())

    package init(services: ControlServices, configuration: ControlConfiguration) {
        self.services = services
        self.configuration = configuration
        self.state = Mutex(State(table: RegistrationTable(limits: configuration.registrationLimits)))
    }

    /// Protocols that clients handle, sorted.
    package var protocols: [ProtocolID] {
        self.state.withLock { $0.table.protocols }
    }

    /// Registers an endpoint for streams of the protocols.
    package func register(
        _ address: HandlerAddress,
        for protocols: [ProtocolID],
        policy: RegistrationPolicy,
        owner: HandlerOwner
    ) throws(RegistrationError) {
        // A daemon that connects wherever it is told can be used to reach what its clients cannot.
        guard address.isLocal || self.configuration.allowsRemoteHandlers else {
            throw .notLocal(address.multiaddr)
        }
        try self.add(.endpoint(address, owner: owner), for: protocols, policy: policy, owner: owner)
    }

    /// Removes an endpoint from the protocols.
    package func unregister(
        _ address: Multiaddr,
        for protocols: [ProtocolID],
        owner: HandlerOwner
    ) throws(RegistrationError) {
        try self.mutate { (state) throws(RegistrationError) in
            try state.table.remove(address, for: protocols, owner: owner)
        }
        self.announce(protocols)
    }

    private func add(
        _ target: RegistrationTable.Target,
        for protocols: [ProtocolID],
        policy: RegistrationPolicy,
        owner: HandlerOwner
    ) throws(RegistrationError) {
        let served = Set(self.services.network.protocols).subtracting(self.configuration.overridableProtocols)
        try self.mutate { (state) throws(RegistrationError) in
            if let own = protocols.first(where: { served.contains($0) && !state.announced.contains($0) }) {
                throw .reserved(own)
            }
            try state.table.add(target, for: protocols, policy: policy, owner: owner)
        }
        self.announce(protocols)
    }

    private func mutate(_ body: (inout sending State) throws(RegistrationError) -> Void) throws(RegistrationError) {
        try self.state.withLock { (state) throws(RegistrationError) in try body(&state) }
    }

    /// Sets or removes the network's handlers of these protocols as the table says now.
    private func announce(_ protocols: [ProtocolID]) {
        self.announcing.withLock { _ in
            for protocolID in protocols {
                let (isHandled, wasAnnounced) = self.state.withLock { state in
                    let isHandled = state.table.kind(of: protocolID) != nil
                    let wasAnnounced = state.announced.contains(protocolID)
                    if isHandled {
                        state.announced.insert(protocolID)
                    } else {
                        state.announced.remove(protocolID)
                    }
                    return (isHandled, wasAnnounced)
                }
                if isHandled && !wasAnnounced {
                    self.services.network.setHandler(for: protocolID) { [weak self] stream in
                        guard let self else {
                            stream.reset(.shutdown)
                            return
                        }
                        self.receive(stream)
                    }
                } else if !isHandled && wasAnnounced {
                    self.services.network.removeHandler(for: protocolID)
                }
            }
        }
    }

    /// Takes an inbound stream. On the stream's event loop.
    private func receive(_ stream: Stream) {
        switch self.state.withLock({ $0.table.kind(of: stream.protocolID) }) {
        case .streams:
            self.deliver(stream, except: [])
        case .unary:
            InboundUnaryCall(stream: stream, handlers: self, configuration: self.configuration).start()
        case nil:
            stream.reset(.protocolNegotiationFailed)
        }
    }
}

// MARK: Streams

extension HandlerTable {
    /// Tries one endpoint after the other until one takes the stream.
    private func deliver(_ stream: Stream, except tried: Set<RegistrationTable.RegistrationID>) {
        let protocolID = stream.protocolID
        let next = self.state.withLock { $0.table.next(for: protocolID, except: tried) }
        guard let next, case .endpoint(let address, let owner) = next.target, tried.count < Self.maximumAttempts else {
            // The peer has been told already that the stream is open; it reads its end.
            stream.reset(.noError)
            return
        }
        let prologue = ProtobufResponse.prologue(
            peer: stream.connection.remotePeer,
            address: stream.connection.remoteAddress,
            protocolID: protocolID
        )
        let delivered = self.services.bridge.deliver(
            stream,
            to: address.endpoint,
            prologue: prologue,
            requiredOwner: self.requiredOwner(of: address, registeredBy: owner)
        )
        delivered.whenFailure { error in
            self.services.logger.debug(
                "handler not reached",
                metadata: ["protocol": "\(protocolID)", "endpoint": "\(address.endpoint)", "error": "\(error)"]
            )
            // Only now, never before a stream has failed: clients that come back to the same address find their
            // registration, and a peer's stream to a handler that just went away still opens and then ends.
            if case .notListening = error as? LocalIPCError {
                self.state.withLock { $0.table.drop(next.id, of: protocolID) }
                self.announce([protocolID])
            }
            self.deliver(stream, except: tried.union([next.id]))
        }
    }

    /// Who has to listen at a path: whoever registered it. Otherwise a client could have the daemon talk to other users' sockets.
    private func requiredOwner(of address: HandlerAddress, registeredBy owner: HandlerOwner) -> UInt32? {
        guard case .unix = address.endpoint else {
            return nil
        }
        switch owner.uid {
        case 0: return nil
        case .some(let uid): return uid
        case nil: return self.configuration.daemonUID
        }
    }

    private static let maximumAttempts = 16
}

// MARK: Unary calls

extension HandlerTable {
    /// Registers a persistent connection as a handler of unary calls.
    package func register(
        _ connection: PersistentConnection,
        for protocolID: ProtocolID,
        isBalanced: Bool
    ) throws(RegistrationError) {
        try self.add(
            .persistentConnection(connection.id),
            for: [protocolID],
            policy: isBalanced ? .takeTurns : .exclusive,
            owner: connection.owner
        )
    }

    /// Removes what a persistent connection has registered for one protocol.
    package func unregister(
        _ connection: PersistentConnectionID,
        for protocolID: ProtocolID
    ) throws(RegistrationError) {
        try self.mutate { (state) throws(RegistrationError) in
            try state.table.remove(protocolID, of: connection)
        }
        self.announce([protocolID])
    }

    package func persistentConnectionOpened(_ connection: PersistentConnection) {
        self.state.withLock { $0.persistentConnections[connection.id] = connection }
    }

    /// Removes a persistent connection with everything it has registered.
    package func persistentConnectionClosed(_ connection: PersistentConnectionID) {
        let concerned = self.state.withLock { state in
            state.persistentConnections[connection] = nil
            return state.table.removeAll(of: connection)
        }
        self.announce(concerned)
    }

    /// Whose turn it is to answer a call.
    package func nextUnaryHandler(
        for protocolID: ProtocolID,
        except tried: Set<RegistrationTable.RegistrationID>
    ) -> (id: RegistrationTable.RegistrationID, connection: PersistentConnection)? {
        self.state.withLock { state in
            guard
                let next = state.table.next(for: protocolID, except: tried),
                case .persistentConnection(let id) = next.target,
                let connection = state.persistentConnections[id]
            else {
                return nil
            }
            return (next.id, connection)
        }
    }
}
