import LibP2PCore
import Logging
import Multiformats
import NIOCore
import Synchronization

/// A connection in the tables of a swarm.
final class SwarmConnection: Connection, @unchecked Sendable {
    // Unchecked: the variables below `muxed`, and `muxed` itself, are touched on `eventLoop` only; the rest is constant or atomic.

    let id: ConnectionID
    let remotePeer: PeerID
    let remotePublicKey: PublicKey
    let localAddress: Multiaddr
    let remoteAddress: Multiaddr
    let direction: Direction
    let security: ProtocolID
    let muxer: ProtocolID
    let openedAt: NIODeadline
    let eventLoop: any EventLoop

    private let swarm: Swarm
    private let scope: ConnectionScope
    private let closed: EventLoopPromise<Void>
    private let isClosing = Atomic(false)
    private let streams = Atomic(0)

    let muxed: any MuxedConnection
    /// Another connection stays; this one is closed when its last stream ends.
    var isSupplanted = false
    private var streamScopes: [UInt64: StreamScope] = [:]
    private var hasEnded = false
    private var backlogWaiters: [BacklogWaiter] = []
    private var isRetryScheduled = false
    /// Streams the peer opened without agreeing on a protocol; a peer that does nothing else is cut off.
    private var failedNegotiations: TokenBucket

    init(id: ConnectionID, upgraded: UpgradedConnection, scope: ConnectionScope, swarm: Swarm) {
        self.id = id
        self.remotePeer = upgraded.peer.peerID
        self.remotePublicKey = upgraded.peer.publicKey
        self.localAddress = upgraded.localAddress
        self.remoteAddress = upgraded.remoteAddress
        self.direction = upgraded.direction
        self.security = upgraded.peer.security
        self.muxer = upgraded.muxer
        self.muxed = upgraded.muxed
        self.eventLoop = upgraded.muxed.eventLoop
        self.openedAt = self.eventLoop.now
        self.closed = self.eventLoop.makePromise()
        self.swarm = swarm
        self.scope = scope
        self.failedNegotiations = TokenBucket(tokensPerSecond: 10, burst: 500, now: self.eventLoop.now)
    }

    var isOpen: Bool { !self.isClosing.load(ordering: .acquiring) }

    /// Streams that have not ended; any thread.
    var streamCount: Int { self.streams.load(ordering: .relaxed) }

    var facts: DuplicateRule.Facts {
        DuplicateRule.Facts(
            direction: self.direction,
            openedAt: self.openedAt,
            isRelayed: self.remoteAddress.isRelayed
        )
    }

    /// Tells that the connection is there and begins to read from it. On its loop.
    func start() {
        self.swarm.events.publish(.connectionOpened(self))
        self.muxed.delegate = self
    }

    func close(_ code: ConnectionErrorCode) -> EventLoopFuture<Void> {
        // Out of `connections` at once, wherever the loop is with its work.
        self.isClosing.store(true, ordering: .releasing)
        self.onLoop {
            guard !self.hasEnded else { return }
            self.muxed.close(code).whenComplete { _ in self.end(.closedLocally(code)) }
        }
        return self.closed.futureResult
    }

    func openStream(_ protocols: [ProtocolID], timeout: TimeAmount) -> EventLoopFuture<Stream> {
        let promise = self.eventLoop.makePromise(of: Stream.self)
        self.onLoop { self.open(protocols, deadline: self.eventLoop.now + timeout.clamped, promise) }
        return promise.futureResult
    }

    private func onLoop(_ body: @escaping @Sendable () -> Void) {
        if self.eventLoop.inEventLoop {
            body()
        } else {
            self.eventLoop.execute(body)
        }
    }

    /// Once, from whichever tells first: the muxer's last event or the end of its closing.
    private func end(_ reason: ConnectionCloseReason) {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        self.isClosing.store(true, ordering: .releasing)
        for scope in self.streamScopes.values {
            scope.close()
        }
        self.streamScopes.removeAll()
        self.streams.store(0, ordering: .relaxed)
        self.scope.close()
        self.swarm.connectionEnded(self, reason)
        self.closed.succeed()
    }
}

/// A stream that is to be opened when the peer has acknowledged others.
private struct BacklogWaiter {
    let protocols: [ProtocolID]
    let deadline: NIODeadline
    let promise: EventLoopPromise<Stream>
}

/// Outbound streams.
extension SwarmConnection {
    private func open(_ protocols: [ProtocolID], deadline: NIODeadline, _ promise: EventLoopPromise<Stream>) {
        guard !protocols.isEmpty else { return promise.fail(NetworkError.noProtocols) }
        guard self.isOpen else { return promise.fail(NetworkError.connectionClosed) }
        let stream: any MuxedStream
        do {
            stream = try self.countedStream()
        } catch {
            switch error {
            case .backlogFull: return self.openLater(protocols, deadline: deadline, promise)
            case .failed(let failure): return promise.fail(failure)
            }
        }
        let timeout = max(deadline - self.eventLoop.now, .milliseconds(1))

        if let known = self.swarm.peerstore.firstSupported(protocols, by: self.remotePeer) {
            guard self.attach(stream, to: known, promise) else { return }
            let lazy = Stream(protocolID: known, connection: self, muxed: stream, isNegotiating: true)
            self.swarm.negotiation.outboundLazy(lazy, timeout: timeout)
            promise.succeed(lazy)
            return
        }
        let bound = NIOLoopBound(stream, eventLoop: self.eventLoop)
        self.swarm.negotiation.outbound(stream, protocols: protocols, timeout: timeout).whenComplete { result in
            switch result {
            case .success(let agreed):
                guard self.attach(bound.value, to: agreed, promise) else { return }
                promise.succeed(
                    Stream(protocolID: agreed, connection: self, muxed: bound.value, isNegotiating: false)
                )
            case .failure(let error):
                promise.fail(error)
            }
        }
    }

    /// Waits for the peer: a burst of streams is faster than its acknowledgements, which are one round trip away.
    private func openLater(_ protocols: [ProtocolID], deadline: NIODeadline, _ promise: EventLoopPromise<Stream>) {
        guard self.backlogWaiters.count < Self.maximumWaiting else {
            return promise.fail(Self.backlogLimit)
        }
        self.backlogWaiters.append(BacklogWaiter(protocols: protocols, deadline: deadline, promise: promise))
        self.retryWaiters()
    }

    /// One timer for all that wait: a timer each would keep the loop from reading the very acknowledgements.
    private func retryWaiters() {
        guard !self.isRetryScheduled, !self.backlogWaiters.isEmpty else { return }
        self.isRetryScheduled = true
        self.eventLoop.scheduleTask(in: Self.backlogPause) {
            self.isRetryScheduled = false
            let waiters = self.backlogWaiters
            self.backlogWaiters.removeAll(keepingCapacity: true)
            let now = self.eventLoop.now
            for waiter in waiters {
                if self.isOpen, waiter.deadline <= now {
                    waiter.promise.fail(Self.backlogLimit)
                } else if self.isOpen, !self.backlogWaiters.isEmpty {
                    // Somebody before it still waits.
                    self.backlogWaiters.append(waiter)
                } else {
                    self.open(waiter.protocols, deadline: waiter.deadline, waiter.promise)
                }
            }
            self.retryWaiters()
        }
    }

    private static let backlogPause = TimeAmount.milliseconds(2)
    private static let maximumWaiting = 1024
    private static let backlogLimit = NetworkError.limitExceeded(
        "connection: too many streams the peer has not acknowledged"
    )

    private enum StreamRefusal: Error {
        /// The muxer's acknowledgement backlog is full: worth another try.
        case backlogFull
        case failed(NetworkError)
    }

    private func countedStream() throws(StreamRefusal) -> any MuxedStream {
        let scope: StreamScope
        do {
            scope = try self.scope.openStream(.outbound)
        } catch {
            throw .failed(.limitExceeded("\(error)"))
        }
        do {
            let stream = try self.muxed.openStream()
            self.keep(scope, for: stream)
            return stream
        } catch {
            scope.close()
            switch error {
            case .ackBacklogFull: throw .backlogFull
            case .streamsExhausted: throw .failed(.limitExceeded("connection: stream numbers are used up"))
            case .connectionClosed, .streamClosed: throw .failed(.connectionClosed)
            }
        }
    }

    private func attach(_ stream: any MuxedStream, to protocolID: ProtocolID, _ promise: EventLoopPromise<Stream>)
        -> Bool
    {
        guard let scope = self.streamScopes[stream.id] else {
            promise.fail(NetworkError.streamReset)
            return false
        }
        do {
            try scope.attach(to: protocolID)
            return true
        } catch {
            stream.reset(.resourceLimitExceeded)
            promise.fail(NetworkError.limitExceeded("\(error)"))
            return false
        }
    }

    private func keep(_ scope: StreamScope, for stream: any MuxedStream) {
        self.streamScopes[stream.id] = scope
        self.streams.store(self.streamScopes.count, ordering: .relaxed)
    }
}

/// What the muxer tells.
extension SwarmConnection: MuxedConnectionDelegate {
    func muxerAcceptedStream(_ stream: any MuxedStream) {
        guard self.isOpen else { return stream.reset(.shutdown) }
        do {
            self.keep(try self.scope.openStream(.inbound), for: stream)
        } catch {
            self.swarm.logger.debug(
                "inbound stream refused",
                metadata: ["peer": "\(self.remotePeer)", "reason": "\(error)"]
            )
            stream.reset(.resourceLimitExceeded)
            return
        }
        let swarm = self.swarm
        let bound = NIOLoopBound(stream, eventLoop: self.eventLoop)
        swarm.negotiation.inbound(
            stream,
            isSupported: { swarm.handler(for: $0) != nil },
            timeout: swarm.configuration.inboundNegotiationTimeout
        ).whenComplete { result in
            switch result {
            case .success(let agreed): self.deliver(bound.value, agreed)
            case .failure: self.countFailedNegotiation()
            }
        }
    }

    private func deliver(_ stream: any MuxedStream, _ protocolID: ProtocolID) {
        // Without a scope the stream has ended; its handler still gets what arrived before.
        if let scope = self.streamScopes[stream.id] {
            do {
                try scope.attach(to: protocolID)
            } catch {
                stream.reset(.resourceLimitExceeded)
                return
            }
        }
        guard let handle = self.swarm.handler(for: protocolID) else {
            // Removed while the peer was answered.
            stream.reset(.protocolNegotiationFailed)
            return
        }
        handle(Stream(protocolID: protocolID, connection: self, muxed: stream, isNegotiating: false))
    }

    private func countFailedNegotiation() {
        guard self.isOpen, !self.failedNegotiations.take(now: self.eventLoop.now) else { return }
        self.swarm.logger.debug("peer opens streams without a protocol", metadata: ["peer": "\(self.remotePeer)"])
        _ = self.close(.rateLimited)
    }

    func muxerStreamEnded(_ stream: any MuxedStream) {
        guard let scope = self.streamScopes.removeValue(forKey: stream.id) else { return }
        scope.close()
        self.streams.store(self.streamScopes.count, ordering: .relaxed)
        if self.isSupplanted {
            self.swarm.closeIfSupplanted(self)
        }
    }

    func muxerClosed(_ reason: ConnectionCloseReason) {
        self.end(reason)
    }
}
