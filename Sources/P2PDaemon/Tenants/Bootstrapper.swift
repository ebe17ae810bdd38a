import LibP2P
import LibP2PCore
import Logging
import Multiformats
import NIOCore

/// Connects a host to known peers at the start, and again when it has lost them.
final class Bootstrapper: Sendable {
    /// No peer could be reached; why, for the operator.
    struct Failure: Error, Sendable {
        let reasons: [(peer: PeerID, reason: String)]
    }

    private struct Entry: Sendable {
        let peer: PeerID
        let addresses: [Multiaddr]
    }

    private static let peersAtOnce = 4
    private static let timeout = TimeAmount.seconds(60)
    /// How often the connections to bootstrap peers are looked at.
    private static let interval = TimeAmount.minutes(15)
    /// The same while there is no connection at all.
    private static let lonelyInterval = TimeAmount.minutes(1)

    private let host: Host
    private let entries: [Entry]
    private let loop: any EventLoop
    private let logger: Logger

    /// - Parameter addresses: each ends in `/p2p/…`; others are left out.
    init(host: Host, addresses: [Multiaddr], loop: any EventLoop, logger: Logger) {
        self.host = host
        self.loop = loop
        self.logger = logger
        var order: [PeerID] = []
        var byPeer: [PeerID: [Multiaddr]] = [:]
        for address in addresses {
            guard let peer = address.peerID, peer != host.peerID else { continue }
            if byPeer[peer] == nil { order.append(peer) }
            byPeer[peer, default: []].append(address.withoutPeerID)
        }
        self.entries = order.map { Entry(peer: $0, addresses: byPeer[$0] ?? []) }
    }

    /// Connects to up to four of the peers; succeeds with the first connection.
    ///
    /// - Returns: on the loop; fails with `Failure` when none comes about within a minute.
    func connect() -> EventLoopFuture<Void> {
        self.connect(to: self.entries)
    }

    private func connect(to entries: [Entry]) -> EventLoopFuture<Void> {
        let promise = self.loop.makePromise(of: Void.self)
        let attempts = entries.shuffled().prefix(Self.peersAtOnce).map { entry in
            self.host.connect(to: entry.peer, addresses: entry.addresses, timeout: Self.timeout)
                .map { _ -> String? in
                    promise.succeed()
                    return nil
                }
                .flatMapErrorThrowing { "\($0)" }
                .map { reason in reason.map { (peer: entry.peer, reason: $0) } }
        }
        EventLoopFuture.whenAllSucceed(attempts, on: self.loop).whenSuccess { outcomes in
            // Nothing when one of them has succeeded.
            promise.fail(Failure(reasons: outcomes.compactMap { $0 }))
        }
        return promise.futureResult
    }

    /// Looks after the connections for as long as the host lives.
    func keepConnected() {
        let isLonely = self.host.network.connections.isEmpty
        self.loop.scheduleTask(in: isLonely ? Self.lonelyInterval : Self.interval) {
            let lost = self.entries.filter { self.host.network.connections(to: $0.peer).isEmpty }
            if self.entries.count - lost.count < Self.peersAtOnce, !lost.isEmpty {
                self.connect(to: lost).whenFailure { _ in
                    self.logger.warning("no bootstrap peer could be reached")
                }
            }
            self.keepConnected()
        }
    }
}
