public import LibP2PCore
public import Multiformats
public import NIOCore
import Synchronization

/// Being reached.
extension Swarm {
    /// Bound addresses, unspecified ones kept.
    public var listenAddresses: [Multiaddr] {
        self.state.withLock { $0.listeners.map(\.address) }
    }

    /// Binds addresses, in addition to those that are bound.
    ///
    /// - Returns: what was bound and what could not be; fails only with `.networkClosed`.
    public func listen(on addresses: [Multiaddr]) -> EventLoopFuture<ListenOutcome> {
        let loop = self.group.any()
        let attempts = addresses.map { address -> EventLoopFuture<Result<any Listener, DialFailure>> in
            guard let transport = self.transports.first(where: { $0.canListen(address) }) else {
                let failure = DialFailure(address: address, reason: "no transport for protocol")
                return loop.makeSucceededFuture(.failure(failure))
            }
            return transport.listen(address) { upgraded in
                _ = self.adopt(upgraded, upgraded.scope, expectedPeer: nil)
            }
            .hop(to: loop)
            .map { Result<any Listener, DialFailure>.success($0) }
            .flatMapErrorThrowing { error in
                .failure(DialFailure(address: address, reason: DialFailureText.reason(for: error)))
            }
        }
        return EventLoopFuture.whenAllSucceed(attempts, on: loop).flatMap { results in
            var outcome = ListenOutcome()
            var bound: [any Listener] = []
            for result in results {
                switch result {
                case .success(let listener):
                    bound.append(listener)
                    outcome.bound.append(listener.address)
                case .failure(let failure):
                    outcome.failures.append(failure)
                }
            }
            guard self.keep(bound) else {
                for listener in bound { _ = listener.close() }
                return loop.makeFailedFuture(NetworkError.networkClosed)
            }
            if !bound.isEmpty {
                self.events.publish(.localStateChanged)
            }
            return loop.makeSucceededFuture(outcome)
        }
    }

    /// Listens by other means than an address, such as on a descriptor that the service manager passed.
    ///
    /// - Parameter open: makes the listener; it gives every connection it accepts to the closure.
    /// - Returns: the bound address; fails with what `open` fails with, or `.networkClosed`.
    public func listen(
        _ open: (_ onConnection: @escaping @Sendable (UpgradedConnection) -> Void) -> EventLoopFuture<any Listener>
    ) -> EventLoopFuture<Multiaddr> {
        open { upgraded in
            _ = self.adopt(upgraded, upgraded.scope, expectedPeer: nil)
        }
        .flatMapThrowing { listener in
            guard self.keep([listener]) else {
                _ = listener.close()
                throw NetworkError.networkClosed
            }
            self.events.publish(.localStateChanged)
            return listener.address
        }
    }

    /// Unbinds all addresses; connections stay.
    public func closeListeners() -> EventLoopFuture<Void> {
        let listeners = self.state.withLock { state in
            let listeners = state.listeners
            state.listeners.removeAll()
            return listeners
        }
        let loop = self.group.any()
        return EventLoopFuture.whenAllComplete(listeners.map { $0.close() }, on: loop).map { _ in
            if !listeners.isEmpty {
                self.events.publish(.localStateChanged)
            }
        }
    }

    private func keep(_ listeners: [any Listener]) -> Bool {
        self.state.withLock { state in
            guard case .running = state.phase else { return false }
            state.listeners += listeners
            return true
        }
    }

    /// Whether dialling the address would reach this swarm's own listener.
    func isOwnAddress(_ address: Multiaddr) -> Bool {
        let listening = self.listenAddresses
        if listening.contains(address) { return true }
        guard let endpoint = address.tcpEndpoint ?? address.udpEndpoint else { return false }
        let isTCP = address.tcpEndpoint != nil
        let isCandidate = listening.contains { own in
            own.isUnspecified && own.contains(.tcp) == isTCP
                && (own.tcpEndpoint ?? own.udpEndpoint)?.port == endpoint.port
        }
        guard isCandidate else { return false }
        if endpoint.address.isLoopback { return true }
        // Where the interfaces cannot be listed the handshake finds out.
        let devices = (try? System.enumerateDevices()) ?? []
        return devices.contains { device in
            guard let text = device.address?.ipAddress else { return false }
            return IPAddress(text.prefix { $0 != "%" })?.unmapped == endpoint.address.unmapped
        }
    }
}

/// What became of addresses that were to be bound.
public struct ListenOutcome: Sendable, Hashable {
    /// Ports resolved.
    public internal(set) var bound: [Multiaddr] = []
    public internal(set) var failures: [DialFailure] = []
}
