import LibP2PCore
import Multiformats
import NIOCore

/// A network in memory: hosts that were introduced to each other can be connected to. Used from one thread.
final class MemoryNetwork: Network, @unchecked Sendable {
    // Unchecked: used on one event loop, which a test drives from one thread.

    let localPeer: PeerID
    /// Where the others see it.
    let address: Multiaddr
    let eventLoop: any EventLoop
    let events = EventBus()
    private(set) var connections: [any Connection] = []
    private var known: [PeerID: MemoryNetwork] = [:]
    private var handlers: [ProtocolID: @Sendable (Stream) -> Void] = [:]
    /// While true, connections and streams that are asked for wait for `release`.
    var isHolding = false
    private var heldRequests: [() -> Void] = []
    /// Whether identify ends by itself when a connection was opened.
    var identifiesAtOnce = true
    private(set) var connectCount = 0

    init(number: UInt8, eventLoop: any EventLoop) throws {
        self.localPeer = try PeerID(bytes: [0x12, 0x20] + [UInt8](repeating: number, count: 32))
        self.address = try Multiaddr("/ip4/127.0.0.1/tcp/\(4000 + Int(number))")
        self.eventLoop = eventLoop
    }

    static func introduce(_ one: MemoryNetwork, _ other: MemoryNetwork) {
        one.known[other.localPeer] = other
        other.known[one.localPeer] = one
    }

    var listenAddresses: [Multiaddr] { [] }
    var protocols: [ProtocolID] { self.handlers.keys.sorted() }

    func connections(to peer: PeerID) -> [any Connection] {
        self.connections.filter { $0.remotePeer == peer }
    }

    func connect(to peer: PeerID, addresses: [Multiaddr], timeout: TimeAmount) -> EventLoopFuture<any Connection> {
        self.connectCount += 1
        let promise = self.eventLoop.makePromise(of: (any Connection).self)
        self.whenReleased { promise.completeWith(Result { try self.connection(to: peer) }) }
        return promise.futureResult
    }

    func openStream(
        to peer: PeerID,
        protocols: [ProtocolID],
        timeout: TimeAmount
    ) -> EventLoopFuture<Stream> {
        let promise = self.eventLoop.makePromise(of: Stream.self)
        self.whenReleased {
            promise.completeWith(Result { try self.open(to: peer, protocols: protocols) })
        }
        return promise.futureResult
    }

    func disconnect(_ peer: PeerID) -> EventLoopFuture<Void> {
        self.connections.removeAll { $0.remotePeer == peer }
        self.known[peer]?.connections.removeAll { $0.remotePeer == self.localPeer }
        return self.eventLoop.makeSucceededVoidFuture()
    }

    func setHandler(for protocolID: ProtocolID, _ handle: @escaping @Sendable (Stream) -> Void) {
        self.handlers[protocolID] = handle
        self.events.publish(.localStateChanged)
    }

    func removeHandler(for protocolID: ProtocolID) {
        self.handlers[protocolID] = nil
        self.events.publish(.localStateChanged)
    }

    /// Lets everything go on that was held.
    func release() {
        self.isHolding = false
        let held = self.heldRequests
        self.heldRequests = []
        held.forEach { $0() }
    }

    func identified(_ peer: PeerID, succeeded: Bool = true) {
        self.events.publish(.identified(peer, connection: ConnectionID(rawValue: 1), succeeded: succeeded))
    }

    private func whenReleased(_ body: @escaping () -> Void) {
        if self.isHolding {
            self.heldRequests.append(body)
        } else {
            body()
        }
    }

    private func connection(to peer: PeerID) throws(NetworkError) -> MemoryConnection {
        guard peer != self.localPeer else { throw .dialToSelf }
        guard let other = self.known[peer] else { throw .noAddresses(peer) }
        if let open = self.connections(to: peer).first as? MemoryConnection {
            return open
        }
        let connection = MemoryConnection(remotePeer: peer, address: other.address, eventLoop: self.eventLoop)
        self.connections.append(connection)
        other.connections.append(
            MemoryConnection(remotePeer: self.localPeer, address: self.address, eventLoop: self.eventLoop)
        )
        if self.identifiesAtOnce {
            self.identified(peer)
        }
        return connection
    }

    private func open(to peer: PeerID, protocols: [ProtocolID]) throws(NetworkError) -> Stream {
        let connection = try self.connection(to: peer)
        guard !protocols.isEmpty else { throw .noProtocols }
        guard
            let other = self.known[peer],
            let chosen = protocols.first(where: { other.handlers[$0] != nil }),
            let handle = other.handlers[chosen],
            let back = other.connections(to: self.localPeer).first
        else { throw .protocolsNotSupported(protocols) }
        let (opener, acceptor) = MemoryStream.pair(on: self.eventLoop)
        self.eventLoop.execute {
            handle(Stream(protocolID: chosen, connection: back, muxed: acceptor, isNegotiating: false))
        }
        return Stream(protocolID: chosen, connection: connection, muxed: opener, isNegotiating: false)
    }
}

/// A connection of a `MemoryNetwork`, which is known by its peer alone.
final class MemoryConnection: Connection, @unchecked Sendable {
    // Unchecked: immutable.

    let id = ConnectionID(rawValue: 1)
    let remotePeer: PeerID
    let localAddress: Multiaddr
    let remoteAddress: Multiaddr
    let eventLoop: any EventLoop

    init(remotePeer: PeerID, address: Multiaddr, eventLoop: any EventLoop) {
        self.remotePeer = remotePeer
        self.eventLoop = eventLoop
        self.localAddress = address
        self.remoteAddress = address
    }

    var remotePublicKey: PublicKey { fatalError("a connection in memory has no key") }
    var direction: Direction { .outbound }
    var security: ProtocolID { "/noise" }
    var muxer: ProtocolID { "/yamux/1.0.0" }
    var openedAt: NIODeadline { .uptimeNanoseconds(0) }
    var isOpen: Bool { true }

    func openStream(_ protocols: [ProtocolID], timeout: TimeAmount) -> EventLoopFuture<Stream> {
        self.eventLoop.makeFailedFuture(NetworkError.connectionClosed)
    }

    func close(_ code: ConnectionErrorCode) -> EventLoopFuture<Void> {
        self.eventLoop.makeSucceededVoidFuture()
    }
}
