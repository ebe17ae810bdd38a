public import LibP2PCore
public import Multiformats
public import NIOCore
import Synchronization

/// Giving a connection to whoever asks: one that is open, or one dial for all.
extension Swarm {
    public func connect(
        to peer: PeerID,
        addresses: [Multiaddr],
        timeout: TimeAmount
    ) -> EventLoopFuture<any Connection> {
        let promise = self.group.any().makePromise(of: (any Connection).self)
        if peer == self.localPeer {
            promise.fail(NetworkError.dialToSelf)
            return promise.futureResult
        }
        if let connection = self.bestConnection(to: peer) {
            promise.succeed(connection)
            return promise.futureResult
        }
        guard self.gater.mayDial(peer) else {
            promise.fail(NetworkError.gated(peer))
            return promise.futureResult
        }
        self.join(peer, addresses: addresses, timeout: timeout, promise)
        return promise.futureResult
    }

    private func join(
        _ peer: PeerID,
        addresses: [Multiaddr],
        timeout: TimeAmount,
        _ promise: EventLoopPromise<any Connection>
    ) {
        let now = self.now
        let given = addresses.prefix(DialMachine.maximumAddresses).map { self.candidate($0, of: peer) }
        let known = self.peerstore.addresses(of: peer, now: now).map { self.candidate($0, of: peer) }
        let usable = addresses.filter { $0.peerID == nil || $0.peerID == peer }.map(\.withoutPeerID)
        if !usable.isEmpty {
            self.peerstore.addAddresses(usable, of: peer, lifetime: .temporary, now: now)
        }

        enum Joined {
            case connected(any Connection)
            case refused(NetworkError)
            case waits(PendingDial, id: UInt64, [DialWork])
        }
        let joined = self.state.withLock { state -> Joined in
            guard case .running = state.phase else { return .refused(.networkClosed) }
            if let connection = state.table.best(for: peer) { return .connected(connection) }
            guard state.waiterCount < self.configuration.maximumWaiters else {
                return .refused(.limitExceeded("more than \(self.configuration.maximumWaiters) callers wait for dials"))
            }
            let dial = state.dials[peer] ?? self.makeDial(peer, now: now)
            state.dials[peer] = dial
            state.nextWaiterID += 1
            state.waiterCount += 1
            dial.waiters[state.nextWaiterID] = promise
            dial.isExplicit = dial.isExplicit || !given.isEmpty
            dial.machine.add(given)
            dial.machine.add(state.backoff.applied(to: known, peer: peer, now: now))
            return .waits(dial, id: state.nextWaiterID, self.advance(dial, &state, now: now))
        }
        switch joined {
        case .connected(let connection):
            promise.succeed(connection)
        case .refused(let error):
            promise.fail(error)
        case .waits(let dial, let id, let work):
            let timer = dial.loop.scheduleTask(in: timeout.clamped) { self.waiterTimedOut(dial, id: id) }
            promise.futureResult.whenComplete { _ in timer.cancel() }
            self.perform(work)
        }
    }

    private func makeDial(_ peer: PeerID, now: NIODeadline) -> PendingDial {
        let machine = DialMachine(
            peer: peer,
            concurrentAttempts: self.configuration.concurrentDialsPerPeer,
            resolutionTimeout: self.configuration.dialTimeout,
            now: now
        )
        return PendingDial(peer: peer, loop: self.group.next(), machine: machine, isExplicit: false)
    }

    private func waiterTimedOut(_ dial: PendingDial, id: UInt64) {
        let promise = self.state.withLock { state -> EventLoopPromise<any Connection>? in
            guard let promise = dial.waiters.removeValue(forKey: id) else { return nil }
            state.waiterCount -= 1
            if dial.waiters.isEmpty {
                dial.machine.finish()
                state.remove(dial)
            }
            return promise
        }
        promise?.fail(NetworkError.timedOut)
    }

    /// What can be said of an address before it is dialled.
    func candidate(_ address: Multiaddr, of peer: PeerID) -> DialCandidate {
        if let named = address.peerID, named != peer, !address.isRelayedWithoutTarget {
            return .refused(address, reason: "address belongs to another peer")
        }
        let address = address.isRelayedWithoutTarget ? address : address.withoutPeerID
        if address.domainName != nil {
            return .name(address)
        }
        if self.isOwnAddress(address) {
            return .refused(address, reason: "dial to self attempted")
        }
        guard self.transports.contains(where: { $0.canDial(address) }) else {
            return .refused(address, reason: "no transport for protocol")
        }
        guard self.gater.mayDial(address, of: peer) else {
            return .refused(address, reason: "gater disallows connection to address")
        }
        let isNear = address.isPrivate && !address.isRelayed
        return .dialable(
            address,
            timeout: isNear ? self.configuration.localDialTimeout : self.configuration.dialTimeout
        )
    }
}

extension Multiaddr {
    /// `…/p2p/RELAY/p2p-circuit`: the last part is not a peer, the relay is no mismatch.
    fileprivate var isRelayedWithoutTarget: Bool {
        self.components.last?.protocol == .p2pCircuit
    }
}

extension TimeAmount {
    /// Between nothing and a day, so that no sum with it overflows.
    var clamped: TimeAmount {
        min(max(self, .zero), .hours(24))
    }
}
