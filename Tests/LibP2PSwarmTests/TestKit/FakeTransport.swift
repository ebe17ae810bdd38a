import LibP2PCore
import Multiformats
import NIOCore

/// What becomes of a dial that is not left to the network.
enum FakeOutcome {
    case failure(String, after: TimeAmount)
    /// Connects to a peer that is not part of the network.
    case stranger(PublicKey, after: TimeAmount)
    case silence
}

/// All addresses of one test: who listens where.
final class FakeNetwork: @unchecked Sendable {
    // Unchecked: used on the one embedded loop of the test only.

    let loop: any EventLoop
    var latency = TimeAmount.milliseconds(1)
    var listeners: [Multiaddr: (key: PublicKey, onConnection: @Sendable (UpgradedConnection) -> Void)] = [:]

    init(loop: any EventLoop) {
        self.loop = loop
    }
}

/// Dials in memory, and writes down what was dialled when.
final class FakeTransport: Transport, @unchecked Sendable {
    // Unchecked: used on the one embedded loop of the test only.

    struct Dialled: Equatable {
        let address: String
        let at: NIODeadline
    }

    let network: FakeNetwork
    let key: PublicKey
    var outcomes: [Multiaddr: FakeOutcome] = [:]
    private(set) var dialled: [Dialled] = []
    private(set) var yielded: [FakeConnection] = []
    private(set) var running = 0
    private(set) var mostRunning = 0

    init(network: FakeNetwork, key: PublicKey) {
        self.network = network
        self.key = key
    }

    func canDial(_ address: Multiaddr) -> Bool { address.tcpEndpoint != nil }
    func canListen(_ address: Multiaddr) -> Bool { address.tcpEndpoint != nil }

    func dial(
        _ address: Multiaddr,
        peer: PeerID,
        on eventLoop: any EventLoop,
        timeout: TimeAmount
    ) -> EventLoopFuture<UpgradedConnection> {
        self.dialled.append(Dialled(address: address.description, at: eventLoop.now))
        self.running += 1
        self.mostRunning = max(self.mostRunning, self.running)
        let promise = eventLoop.makePromise(of: UpgradedConnection.self)
        let isolated = eventLoop.assumeIsolated()
        isolated.scheduleTask(in: timeout) { promise.fail(TransportError.timedOut) }
        promise.futureResult.whenComplete { _ in self.running -= 1 }

        switch self.outcomes[address] {
        case .silence:
            break
        case .failure(let text, let delay):
            isolated.scheduleTask(in: delay) { promise.fail(TransportError.connectFailed(address, text)) }
        case .stranger(let key, let delay):
            isolated.scheduleTask(in: delay) { promise.succeed(self.connect(address, to: key, nil)) }
        case nil:
            isolated.scheduleTask(in: self.network.latency * 2) {
                guard let listener = self.network.listeners[address] else {
                    return promise.fail(TransportError.connectFailed(address, "connection refused"))
                }
                guard listener.key.peerID == peer else {
                    return promise.fail(SecurityError.handshakeFailed("wrong peer"))
                }
                promise.succeed(self.connect(address, to: listener.key, listener.onConnection))
            }
        }
        return promise.futureResult
    }

    private func connect(
        _ address: Multiaddr,
        to key: PublicKey,
        _ accept: (@Sendable (UpgradedConnection) -> Void)?
    ) -> UpgradedConnection {
        let (dialer, listener) = FakeConnection.pair(on: self.network.loop, latency: self.network.latency)
        self.yielded.append(dialer)
        if let accept {
            let inbound = upgraded(listener, key: self.key, .inbound, local: address, remote: .example(65_000))
            self.network.loop.assumeIsolated().scheduleTask(in: self.network.latency) { accept(inbound) }
        }
        return upgraded(dialer, key: key, .outbound, local: .example(65_000), remote: address)
    }

    func listen(
        _ address: Multiaddr,
        onConnection: @escaping @Sendable (UpgradedConnection) -> Void
    ) -> EventLoopFuture<any Listener> {
        guard self.network.listeners[address] == nil else {
            return self.network.loop.makeFailedFuture(TransportError.bindFailed(address, "address already in use"))
        }
        self.network.listeners[address] = (self.key, onConnection)
        return self.network.loop.makeSucceededFuture(FakeListener(address: address, network: self.network))
    }
}

struct FakeListener: Listener {
    let address: Multiaddr
    let network: FakeNetwork

    func close() -> EventLoopFuture<Void> {
        self.network.listeners[self.address] = nil
        return self.network.loop.makeSucceededVoidFuture()
    }
}

/// Answers from a table.
struct FakeResolver: AddressResolver {
    var names: [Multiaddr: [Multiaddr]] = [:]

    func resolve(_ address: Multiaddr, on loop: any EventLoop) -> EventLoopFuture<[Multiaddr]> {
        guard let addresses = self.names[address] else {
            return loop.makeFailedFuture(ResolutionError.noAddresses(address))
        }
        return loop.makeSucceededFuture(addresses)
    }
}

func upgraded(
    _ muxed: FakeConnection,
    key: PublicKey,
    _ direction: Direction,
    local: Multiaddr,
    remote: Multiaddr
) -> UpgradedConnection {
    UpgradedConnection(
        muxed: muxed,
        peer: SecuredPeer(peerID: key.peerID, publicKey: key, security: "/noise", muxer: nil),
        muxer: "/yamux/1.0.0",
        direction: direction,
        localAddress: local,
        remoteAddress: remote
    )
}

extension Multiaddr {
    /// A public address; the documentation networks would count as unroutable.
    static func example(_ port: UInt16) -> Multiaddr {
        Multiaddr(ip: .v4(0x0808_0808), tcpPort: port)
    }
}
