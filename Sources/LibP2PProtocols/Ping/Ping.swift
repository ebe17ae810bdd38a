public import LibP2PCore
import Multiformats
public import NIOCore
import Synchronization

/// Measures round trips and answers those who do. `/ipfs/ping/1.0.0`; libp2p/specs ping/ping.md.
public final class Ping: Sendable {
    public static let protocolID: ProtocolID = "/ipfs/ping/1.0.0"
    static let payloadBytes = 32

    /// "The listening peer SHOULD accept at most two streams per peer."
    private let streams = StreamQuota(perPeer: 2)
    private let network: any Network
    private let idleTimeout: TimeAmount
    /// Pings under way: "MUST NOT keep more than one outbound stream per peer".
    private let running = Mutex<[PeerID: EventLoopFuture<TimeAmount>]>([:])

    /// - Parameter idleTimeout: a peer's stream without a ping for so long is reset.
    public init(network: any Network, idleTimeout: TimeAmount = .seconds(30)) {
        self.network = network
        self.idleTimeout = idleTimeout
    }

    public func start() {
        self.network.setHandler(for: Self.protocolID) { self.answer($0) }
    }

    public func stop() {
        self.network.removeHandler(for: Self.protocolID)
    }

    /// Pings the peer once and gives the round trip. Whoever asks while a ping to that peer is under way gets its result.
    ///
    /// - Returns: a future that fails with `PingError` or, when no stream could be opened, `NetworkError`.
    public func ping(_ connection: any Connection, timeout: TimeAmount = .seconds(10)) -> EventLoopFuture<TimeAmount> {
        let peer = connection.remotePeer
        let promise = connection.eventLoop.makePromise(of: TimeAmount.self)
        let earlier = self.running.withLock { running in
            if let earlier = running[peer] { return Optional(earlier) }
            running[peer] = promise.futureResult
            return nil
        }
        if let earlier {
            promise.completeWith(earlier)
            return promise.futureResult
        }
        let deadline = connection.eventLoop.now + timeout
        connection.openStream([Self.protocolID], timeout: timeout).hop(to: connection.eventLoop).whenComplete {
            result in
            switch result {
            case .success(let stream):
                var generator = SystemRandomNumberGenerator()
                let payload = (0..<Self.payloadBytes).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
                let client = PingClientStream(stream: stream, payload: payload) { result in
                    self.finish(peer, promise, with: result.mapError { $0 })
                }
                client.start(timeout: max(.nanoseconds(0), deadline - connection.eventLoop.now))
            case .failure(let error):
                self.finish(peer, promise, with: .failure(error))
            }
        }
        return promise.futureResult
    }

    private func finish(
        _ peer: PeerID,
        _ promise: EventLoopPromise<TimeAmount>,
        with result: Result<TimeAmount, any Error>
    ) {
        self.running.withLock { $0[peer] = nil }
        promise.completeWith(result)
    }

    private func answer(_ stream: Stream) {
        let peer = stream.connection.remotePeer
        guard self.streams.enter(peer) else {
            return stream.reset(.resourceLimitExceeded)
        }
        PingServerStream(stream: stream, idleTimeout: self.idleTimeout) { self.streams.leave(peer) }.start()
    }
}

/// Why a ping failed.
public enum PingError: Error, Sendable, Hashable {
    /// The peer ended or reset the stream.
    case streamClosed
    case timedOut
    /// The peer sent back something else.
    case wrongAnswer
}
