import LibP2PCore
import Multiformats
import NIOCore

/// One channel on its way through the upgrade. Kept alive by the futures it waits for and by its timer.
final class UpgradeRun: @unchecked Sendable {
    // Unchecked: created and used on the channel's event loop only; callbacks and timers run there too.

    private enum Phase {
        case security
        case handshake
        case muxer
        /// The connection was handed over; a lazily proposed muxer is not yet confirmed.
        case confirmation
        case done
    }

    private let upgrader: ConnectionUpgrader
    private let channel: any Channel
    private let direction: Direction
    private let expectedPeer: PeerID?
    private let localAddress: Multiaddr
    private let remoteAddress: Multiaddr
    /// Dropped, and by that uncounted, with a run that fails.
    private let scope: ConnectionScope?
    private let deadline: NIODeadline
    private let promise: EventLoopPromise<UpgradedConnection>
    private var phase = Phase.security
    private var timer: Scheduled<Void>?

    init(
        _ upgrader: ConnectionUpgrader,
        channel: any Channel,
        direction: Direction,
        expectedPeer: PeerID?,
        localAddress: Multiaddr,
        remoteAddress: Multiaddr,
        scope: ConnectionScope?,
        deadline: NIODeadline
    ) {
        self.upgrader = upgrader
        self.channel = channel
        self.direction = direction
        self.expectedPeer = expectedPeer
        self.localAddress = localAddress
        self.remoteAddress = remoteAddress
        self.scope = scope
        self.deadline = deadline
        self.promise = channel.eventLoop.makePromise()
    }

    func start() -> EventLoopFuture<UpgradedConnection> {
        // Every phase fails its future when the channel ends, so nothing here watches the channel itself.
        self.enter(.security)
        self.negotiateSecurity()
        // From here on a handler is there to take what arrives.
        self.channel.setOption(.autoRead, value: true).assumeIsolated().whenFailure { self.fail($0) }
        return self.promise.futureResult
    }
}

// MARK: - The phases

extension UpgradeRun {
    private func negotiateSecurity() {
        let names = self.upgrader.securities.map(\.protocolID)
        let negotiation = self.upgrader.negotiation
        if case .outbound = self.direction, names.count == 1, let security = self.upgrader.securities.first {
            let confirmation = negotiation.outboundLazy(self.channel, protocol: security.protocolID)
            self.failWith(confirmation)
            self.secure(with: security)
            return
        }
        let agreement =
            switch self.direction {
            case .inbound: negotiation.inbound(self.channel, supported: names)
            case .outbound: negotiation.outbound(self.channel, protocols: names)
            }
        self.then(agreement) { name in
            guard let security = self.upgrader.securities.first(where: { $0.protocolID == name }) else {
                return self.fail(TransportError.negotiationFailed("no security protocol agreed on"))
            }
            self.secure(with: security)
        }
    }

    private func secure(with security: any SecurityUpgrade) {
        guard self.enter(.handshake) else { return }
        let handshake = security.secure(
            self.channel,
            direction: self.direction,
            expectedPeer: self.expectedPeer,
            muxers: self.upgrader.muxers.map(\.protocolID)
        )
        self.then(handshake) { peer in self.negotiateMuxer(peer) }
    }

    private func negotiateMuxer(_ peer: SecuredPeer) {
        if peer.peerID == self.upgrader.localPeer {
            return self.fail(SecurityError.selfDial)
        }
        if let expected = self.expectedPeer, expected != peer.peerID {
            return self.fail(SecurityError.peerIDMismatch(expected: expected, actual: peer.peerID))
        }
        guard self.enter(.muxer) else { return }
        let names = self.upgrader.muxers.map(\.protocolID)
        let negotiation = self.upgrader.negotiation
        if let name = peer.muxer {
            self.mux(peer, name: name, confirmation: nil)
        } else if case .outbound = self.direction, names.count == 1, let name = names.first {
            let confirmation = negotiation.outboundLazy(self.channel, protocol: name)
            self.mux(peer, name: name, confirmation: confirmation)
        } else {
            let agreement =
                switch self.direction {
                case .inbound: negotiation.inbound(self.channel, supported: names)
                case .outbound: negotiation.outbound(self.channel, protocols: names)
                }
            self.then(agreement) { name in self.mux(peer, name: name, confirmation: nil) }
        }
    }

    private func mux(_ peer: SecuredPeer, name: ProtocolID, confirmation: EventLoopFuture<Void>?) {
        guard let muxer = self.upgrader.muxers.first(where: { $0.protocolID == name }) else {
            return self.fail(TransportError.negotiationFailed("no muxer agreed on"))
        }
        guard self.phase == .muxer, self.channel.isActive else {
            return self.fail(TransportError.negotiationFailed("the connection ended during the upgrade"))
        }
        let muxed: any MuxedConnection
        do {
            muxed = try muxer.mux(self.channel, direction: self.direction)
        } catch {
            return self.fail(TransportError.negotiationFailed("the muxer could not be added: \(error)"))
        }
        if let confirmation {
            // The muxer's timer stays: it closes the channel of a peer that never confirms.
            self.phase = .confirmation
            self.failWith(confirmation)
            confirmation.assumeIsolated().whenSuccess { self.finish() }
        } else {
            self.finish()
        }
        self.promise.succeed(
            UpgradedConnection(
                muxed: muxed,
                peer: peer,
                muxer: name,
                direction: self.direction,
                localAddress: self.localAddress,
                remoteAddress: self.remoteAddress,
                scope: self.scope
            )
        )
    }
}

// MARK: - Time and ends

extension UpgradeRun {
    /// False when the upgrade has failed meanwhile.
    @discardableResult
    private func enter(_ phase: Phase) -> Bool {
        if case .done = self.phase { return false }
        self.phase = phase
        self.timer?.cancel()
        let loop = self.channel.eventLoop
        let deadline = min(self.deadline, loop.now + self.upgrader.phaseTimeout)
        self.timer = loop.scheduleTask(deadline: deadline) { self.fail(TransportError.timedOut) }
        return true
    }

    private func then<Value: Sendable>(_ future: EventLoopFuture<Value>, _ next: @escaping (Value) -> Void) {
        future.assumeIsolated().whenComplete { result in
            if case .done = self.phase { return }
            switch result {
            case .success(let value): next(value)
            case .failure(let error): self.fail(error)
            }
        }
    }

    private func failWith(_ confirmation: EventLoopFuture<Void>) {
        confirmation.assumeIsolated().whenFailure { self.fail($0) }
    }

    private func finish() {
        self.phase = .done
        self.timer?.cancel()
        self.timer = nil
    }

    /// Fails the upgrade, or after the hand-over ends the connection: the muxer learns of it from the channel.
    private func fail(_ error: any Error) {
        let phase = self.phase
        if case .done = phase { return }
        self.finish()
        if phase != .confirmation {
            self.promise.fail(Self.mapped(error))
        }
        self.channel.close(promise: nil)
    }

    /// Only the two kinds of errors that `Transport.dial` promises.
    private static func mapped(_ error: any Error) -> any Error {
        switch error {
        case is TransportError, is SecurityError: error
        default: TransportError.negotiationFailed("\(error)")
        }
    }
}
