import LibP2PCore
import Multiformats
import NIOCore
import Synchronization

/// A network in memory: hosts on one event loop, joined by `connect`.
final class MemoryNetwork: Network {
    let identity: PrivateKey
    let eventLoop: any EventLoop
    let events = EventBus()
    private let state: Mutex<State>

    private struct State {
        var handlers: [ProtocolID: @Sendable (Stream) -> Void] = [:]
        var connections: [any Connection] = []
        var listenAddresses: [Multiaddr] = []
    }

    init(identity: PrivateKey, eventLoop: any EventLoop, listenAddresses: [Multiaddr] = []) {
        self.identity = identity
        self.eventLoop = eventLoop
        self.state = Mutex(State(listenAddresses: listenAddresses))
    }

    var localPeer: PeerID { self.identity.peerID }
    var connections: [any Connection] { self.state.withLock { $0.connections } }
    var listenAddresses: [Multiaddr] { self.state.withLock { $0.listenAddresses } }
    var protocols: [ProtocolID] { self.state.withLock { $0.handlers.keys.sorted() } }

    func connections(to peer: PeerID) -> [any Connection] {
        self.connections.filter { $0.remotePeer == peer }
    }

    func connect(to peer: PeerID, addresses: [Multiaddr], timeout: TimeAmount) -> EventLoopFuture<any Connection> {
        guard let connection = self.connections(to: peer).first else {
            return self.eventLoop.makeFailedFuture(NetworkError.noAddresses(peer))
        }
        return self.eventLoop.makeSucceededFuture(connection)
    }

    func openStream(to peer: PeerID, protocols: [ProtocolID], timeout: TimeAmount) -> EventLoopFuture<Stream> {
        self.connect(to: peer, addresses: [], timeout: timeout).flatMap { $0.openStream(protocols, timeout: timeout) }
    }

    func disconnect(_ peer: PeerID) -> EventLoopFuture<Void> {
        .andAllSucceed(self.connections(to: peer).map { $0.close(.noError) }, on: self.eventLoop)
    }

    func setHandler(for protocolID: ProtocolID, _ handle: @escaping @Sendable (Stream) -> Void) {
        self.state.withLock { $0.handlers[protocolID] = handle }
        self.events.publish(.localStateChanged)
    }

    func removeHandler(for protocolID: ProtocolID) {
        self.state.withLock { $0.handlers[protocolID] = nil }
        self.events.publish(.localStateChanged)
    }

    func handler(for protocolID: ProtocolID) -> (@Sendable (Stream) -> Void)? {
        self.state.withLock { $0.handlers[protocolID] }
    }

    /// Joins two hosts; `self` dials.
    @discardableResult
    func connect(
        _ other: MemoryNetwork,
        id: UInt64,
        from local: Multiaddr,
        to remote: Multiaddr
    ) -> (dialed: MemoryConnection, accepted: MemoryConnection) {
        let dialed = MemoryConnection(id: 2 * id, self, other, local: local, remote: remote, direction: .outbound)
        let accepted = MemoryConnection(id: 2 * id + 1, other, self, local: remote, remote: local, direction: .inbound)
        dialed.pair(with: accepted)
        for (network, connection) in [(self, dialed), (other, accepted)] {
            network.state.withLock { $0.connections.append(connection) }
            network.events.publish(.connectionOpened(connection))
        }
        return (dialed, accepted)
    }

    fileprivate func closed(_ connection: MemoryConnection, _ code: ConnectionErrorCode) {
        self.state.withLock { $0.connections.removeAll { $0.id == connection.id } }
        self.events.publish(.connectionClosed(connection, .closedLocally(code)))
    }
}

final class MemoryConnection: Connection {
    let id: ConnectionID
    let remotePeer: PeerID
    let remotePublicKey: PublicKey
    let localAddress: Multiaddr
    let remoteAddress: Multiaddr
    let direction: Direction
    let security: ProtocolID = "/noise"
    let muxer: ProtocolID = "/yamux/1.0.0"
    let openedAt: NIODeadline
    let eventLoop: any EventLoop
    private let network: MemoryNetwork
    private let state = Mutex(State())

    private struct State {
        var isOpen = true
        var other: MemoryConnection?
        var streamsOpened: [ProtocolID] = []
    }

    fileprivate init(
        id: UInt64,
        _ network: MemoryNetwork,
        _ remote: MemoryNetwork,
        local: Multiaddr,
        remote address: Multiaddr,
        direction: Direction
    ) {
        self.id = ConnectionID(rawValue: id)
        self.network = network
        self.remotePeer = remote.localPeer
        self.remotePublicKey = remote.identity.publicKey
        self.localAddress = local
        self.remoteAddress = address
        self.direction = direction
        self.eventLoop = network.eventLoop
        self.openedAt = network.eventLoop.now
    }

    fileprivate func pair(with other: MemoryConnection) {
        self.state.withLock { $0.other = other }
        other.state.withLock { $0.other = self }
    }

    var isOpen: Bool { self.state.withLock { $0.isOpen } }

    /// Protocols of the streams opened from this side.
    var streamsOpened: [ProtocolID] { self.state.withLock { $0.streamsOpened } }

    func openStream(_ protocols: [ProtocolID], timeout: TimeAmount) -> EventLoopFuture<Stream> {
        guard self.isOpen, let other = self.state.withLock({ $0.other }) else {
            return self.eventLoop.makeFailedFuture(NetworkError.connectionClosed)
        }
        for protocolID in protocols {
            guard let handle = other.network.handler(for: protocolID) else { continue }
            self.state.withLock { $0.streamsOpened.append(protocolID) }
            let (outbound, inbound) = MemoryStream.pair(on: self.eventLoop)
            let theirs = Stream(protocolID: protocolID, connection: other, muxed: inbound, isNegotiating: false)
            self.eventLoop.execute { handle(theirs) }
            return self.eventLoop.makeSucceededFuture(
                Stream(protocolID: protocolID, connection: self, muxed: outbound, isNegotiating: false)
            )
        }
        return self.eventLoop.makeFailedFuture(NetworkError.protocolsNotSupported(protocols))
    }

    func close(_ code: ConnectionErrorCode) -> EventLoopFuture<Void> {
        let other = self.state.withLock { state in
            defer { state.isOpen = false }
            return state.isOpen ? state.other : nil
        }
        if let other {
            self.network.closed(self, code)
            _ = other.close(code)
        }
        return self.eventLoop.makeSucceededVoidFuture()
    }
}
