import LibP2PCore
import Logging
import Multiformats
import NIOCore
import Synchronization

/// Connections coming and going.
extension Swarm {
    /// Puts a fresh connection into the tables and serves those who wait for one. On the connection's loop.
    ///
    /// - Parameters:
    ///   - scope: what the connection was counted for; nil for an inbound one nobody counted yet.
    ///   - expectedPeer: whom we dialled.
    /// - Returns: nil, or why it was refused; it is closed then.
    func adopt(_ upgraded: UpgradedConnection, _ scope: ConnectionScope?, expectedPeer: PeerID?) -> String? {
        let peer = upgraded.peer.peerID
        func refuse(_ code: ConnectionErrorCode, _ reason: String) -> String {
            scope?.close()
            _ = upgraded.muxed.close(code)
            self.logger.debug("connection refused", metadata: ["peer": "\(peer)", "reason": "\(reason)"])
            return reason
        }
        guard peer != self.localPeer else { return refuse(.noError, "dial to self attempted") }
        if let expectedPeer, expectedPeer != peer {
            let mismatch = SecurityError.peerIDMismatch(expected: expectedPeer, actual: peer)
            return refuse(.protocolViolation, DialFailureText.reason(for: mismatch))
        }
        guard self.gater.mayKeep(peer, direction: upgraded.direction, remoteAddress: upgraded.remoteAddress) else {
            return refuse(.gated, "gater disallows connection to peer")
        }
        let counted: ConnectionScope
        do {
            counted =
                try scope
                ?? self.resources.openConnection(
                    upgraded.direction,
                    remoteAddress: upgraded.remoteAddress,
                    now: self.now
                )
            try counted.attach(to: peer)
        } catch {
            return refuse(.resourceLimitExceeded, DialFailureText.reason(for: error))
        }
        guard let inserted = self.insert(upgraded, counted) else { return refuse(.shutdown, "network is closed") }

        let connection = inserted.connection
        connection.start()
        for waiter in inserted.waiters {
            waiter.succeed(connection)
        }
        for loser in inserted.supplanted {
            self.scheduleSupplanting(of: loser)
        }
        return nil
    }

    private struct Inserted {
        let connection: SwarmConnection
        let waiters: [EventLoopPromise<any Connection>]
        let supplanted: [SwarmConnection]
    }

    /// - Returns: nil when the swarm is closing.
    private func insert(_ upgraded: UpgradedConnection, _ scope: ConnectionScope) -> Inserted? {
        let peer = upgraded.peer.peerID
        let now = self.now
        let inserted = self.state.withLock { state -> Inserted? in
            guard case .running = state.phase else { return nil }
            state.nextConnectionID += 1
            let id = ConnectionID(rawValue: state.nextConnectionID)
            let connection = SwarmConnection(id: id, upgraded: upgraded, scope: scope, swarm: self)
            let (isFirst, supplanted) = state.table.insert(connection)
            if isFirst {
                // Under the lock, so that it cannot overtake the end of an earlier connection; the peerstore calls nobody.
                self.peerstore.setConnected(true, peer: peer, now: now)
            }
            var waiters: [EventLoopPromise<any Connection>] = []
            if let dial = state.dials[peer] {
                waiters = state.takeWaiters(of: dial)
                switch upgraded.direction {
                case .inbound: dial.machine.supersede()
                case .outbound: dial.machine.finish()
                }
            }
            return Inserted(connection: connection, waiters: waiters, supplanted: supplanted)
        }
        if inserted != nil {
            self.peerstore.setPublicKey(upgraded.peer.publicKey, of: peer)
            if case .outbound = upgraded.direction {
                // An inbound connection's remote port is not one the peer listens on.
                self.peerstore.addAddresses([upgraded.remoteAddress], of: peer, lifetime: .connected, now: now)
            }
        }
        return inserted
    }

    /// The connection has ended. On its loop, once.
    func connectionEnded(_ connection: SwarmConnection, _ reason: ConnectionCloseReason) {
        let now = self.now
        let drained = self.state.withLock { state -> EventLoopPromise<Void>? in
            let wasLast = state.table.remove(connection)
            if wasLast == true {
                let peer = connection.remotePeer
                self.peerstore.updateAddresses(of: peer, from: .connected, to: .recentlyConnected, now: now)
                self.peerstore.setConnected(false, peer: peer, now: now)
            }
            guard case .closing(let promise, _) = state.phase, state.table.isEmpty else { return nil }
            return promise
        }
        self.logger.debug(
            "connection closed",
            metadata: [
                "peer": "\(connection.remotePeer)", "conn": "\(connection.id)", "reason": "\(reason)",
            ]
        )
        self.events.publish(.connectionClosed(connection, reason))
        drained?.succeed()
    }

    /// Closes a connection that lost against another one, once both sides know of both and it carries nothing.
    private func scheduleSupplanting(of connection: SwarmConnection) {
        connection.eventLoop.execute {
            // Both sides see both connections within a round trip; after twice that nobody opens streams on this one.
            let roundTrip = connection.muxed.roundTripTime ?? .zero
            let grace = self.configuration.supplantGrace + min(roundTrip * 4, .seconds(5))
            connection.eventLoop.scheduleTask(in: grace) { self.closeIfSupplanted(connection) }
        }
    }

    /// On the connection's loop, when the grace is over and whenever a stream of it ends after that.
    func closeIfSupplanted(_ connection: SwarmConnection) {
        guard connection.isOpen else { return }
        connection.isSupplanted = self.state.withLock { $0.table.isSupplanted(connection) }
        if connection.isSupplanted, connection.muxed.streamCount == 0 {
            _ = connection.close(.supplanted)
        }
    }
}
