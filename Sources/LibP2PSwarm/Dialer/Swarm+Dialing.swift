import LibP2PCore
import Logging
import Multiformats
import NIOCore
import Synchronization

/// Carrying out what dial machines say.
extension Swarm {
    /// Under the lock: asks the machine and finds out what is left to be done outside.
    func advance(_ dial: PendingDial, _ state: inout State, now: NIODeadline) -> [DialWork] {
        var work: [DialWork] = []
        for action in dial.machine.poll(now: now) {
            switch action {
            case .dial(let address, let timeout):
                let attempt = DialAttempt(dial: dial, address: address, timeout: timeout)
                if state.permits.acquire(for: attempt) {
                    _ = dial.machine.attemptStarted(address, now: now)
                    work.append(.start(attempt))
                }
            case .fail(let error):
                work.append(.fail(state.takeWaiters(of: dial), error))
            case .resolve(let name):
                work.append(.resolve(dial, name))
            }
        }
        if let deadline = dial.machine.nextDeadline, dial.timerDeadline.map({ deadline < $0 }) ?? true {
            dial.timerDeadline = deadline
            work.append(.setTimer(dial, deadline))
        }
        return work
    }

    func perform(_ work: [DialWork]) {
        for item in work {
            switch item {
            case .fail(let waiters, let error):
                for waiter in waiters { waiter.fail(error) }
            case .resolve(let dial, let name):
                self.resolve(name, for: dial)
            case .setTimer(let dial, let deadline):
                dial.loop.scheduleTask(deadline: deadline) { self.dialTimerFired(dial, deadline) }
            case .start(let attempt):
                self.start(attempt)
            }
        }
    }

    private func dialTimerFired(_ dial: PendingDial, _ deadline: NIODeadline) {
        let work = self.state.withLock { state -> [DialWork] in
            if dial.timerDeadline == deadline { dial.timerDeadline = nil }
            return self.advance(dial, &state, now: max(self.now, deadline))
        }
        self.perform(work)
    }

    private func resolve(_ name: Multiaddr, for dial: PendingDial) {
        self.resolver.resolve(name, on: dial.loop).whenComplete { result in
            let now = self.now
            var candidates: [DialCandidate] = []
            if case .success(let addresses) = result {
                // A name may list many peers (`/dnsaddr`); those of others are no failures.
                candidates = addresses.prefix(self.configuration.resolvedAddresses)
                    .filter { $0.peerID == nil || $0.peerID == dial.peer }
                    .map { self.candidate($0, of: dial.peer) }
                    .filter { if case .name = $0 { false } else { true } }
            }
            let work = self.state.withLock { state -> [DialWork] in
                switch result {
                case .success where candidates.isEmpty:
                    dial.machine.receiveFailure(name, reason: "no addresses for this name")
                case .success:
                    let usable =
                        dial.isExplicit
                        ? candidates : state.backoff.applied(to: candidates, peer: dial.peer, now: now)
                    dial.machine.receiveResolved(name, usable)
                case .failure(let error):
                    dial.machine.receiveFailure(name, reason: DialFailureText.reason(for: error))
                }
                return self.advance(dial, &state, now: now)
            }
            self.perform(work)
        }
    }

    /// Dials from the loop where the connection is to live; the hop also keeps attempts that fail at once from nesting.
    private func start(_ attempt: DialAttempt) {
        let loop = self.group.next()
        loop.execute {
            let scope: ConnectionScope
            do {
                scope = try self.resources.openConnection(
                    .outbound,
                    remoteAddress: attempt.address,
                    usesDescriptor: !attempt.address.isRelayed,
                    now: self.now
                )
            } catch {
                self.attemptFailed(attempt, error, backsOff: false)
                return
            }
            guard let transport = self.transports.first(where: { $0.canDial(attempt.address) }) else {
                scope.close()
                self.attemptFailed(attempt, TransportError.addressNotSupported(attempt.address), backsOff: false)
                return
            }
            transport.dial(attempt.address, peer: attempt.dial.peer, on: loop, timeout: attempt.timeout)
                .hop(to: loop)
                .whenComplete { result in
                    switch result {
                    case .success(let upgraded):
                        self.attemptConnected(attempt, upgraded, scope)
                    case .failure(let error):
                        scope.close()
                        self.attemptFailed(attempt, error, backsOff: true)
                    }
                }
        }
    }

    private func attemptFailed(_ attempt: DialAttempt, _ error: any Error, backsOff: Bool) {
        let now = self.now
        let reason = DialFailureText.reason(for: error)
        self.logger.debug(
            "dial failed",
            metadata: ["peer": "\(attempt.dial.peer)", "addr": "\(attempt.address)", "reason": "\(reason)"]
        )
        let work = self.state.withLock { state -> [DialWork] in
            if backsOff {
                state.backoff.recordFailure(of: attempt.address, peer: attempt.dial.peer, now: now)
            }
            let next = self.passPermitOn(&state, now: now)
            attempt.dial.machine.receiveFailure(attempt.address, reason: reason)
            return next + self.advance(attempt.dial, &state, now: now)
        }
        self.perform(work)
    }

    /// On the connection's loop.
    private func attemptConnected(_ attempt: DialAttempt, _ upgraded: UpgradedConnection, _ scope: ConnectionScope) {
        let now = self.now
        let (verdict, next) = self.state.withLock { state in
            state.backoff.clear(attempt.address, peer: attempt.dial.peer)
            return (attempt.dial.machine.receiveConnected(attempt.address), self.passPermitOn(&state, now: now))
        }
        defer { self.perform(next) }

        switch verdict {
        case .close:
            _ = upgraded.muxed.close(.supplanted)
            scope.close()
        case .adopt:
            // Serves all who wait when it succeeds.
            let refusal = self.adopt(upgraded, scope, expectedPeer: attempt.dial.peer)
            guard let refusal else { return }
            let work = self.state.withLock { state -> [DialWork] in
                attempt.dial.machine.receiveFailure(attempt.address, reason: refusal)
                return self.advance(attempt.dial, &state, now: now)
            }
            self.perform(work)
        }
    }

    private func passPermitOn(_ state: inout State, now: NIODeadline) -> [DialWork] {
        let next = state.permits.release { $0.dial.machine.attemptStarted($0.address, now: now) }
        guard let next else { return [] }
        return [.start(next)] + self.advance(next.dial, &state, now: now)
    }
}

extension DialBackoff {
    /// The candidates with those marked that failed shortly before.
    func applied(to candidates: [DialCandidate], peer: PeerID, now: NIODeadline) -> [DialCandidate] {
        candidates.map { candidate in
            guard case .dialable(let address, _) = candidate, self.isBackedOff(address, peer: peer, now: now) else {
                return candidate
            }
            return .backedOff(address)
        }
    }
}
