import LibP2PCore
import NIOCore
import NIOPosix
import Testing

@testable import LibP2PUpgrades

/// The muxer over real sockets and both secure channels.
@Suite struct YamuxLoopbackTests {
    enum Security: CaseIterable, Sendable {
        case noise, tls

        func upgrade() throws -> any SecurityUpgrade {
            let key = try PrivateKey.generate(.ed25519)
            switch self {
            case .noise: return NoiseUpgrade(identity: key)
            case .tls: return TLSUpgrade(hostKey: key)
            }
        }
    }

    @Test(.timeLimit(.minutes(1)), arguments: Security.allCases)
    func manyMegabytesComeBackUnchangedAndGoodbyeArrives(security: Security) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let echoClosed = loop.makePromise(of: ConnectionCloseReason.self)
        let listenerSecurity = try security.upgrade()
        let dialerSecurity = try security.upgrade()
        let server = try await ServerBootstrap(group: loop).childChannelInitializer { channel in
            listenerSecurity.secure(channel, direction: .inbound, expectedPeer: nil, muxers: []).flatMapThrowing { _ in
                let connection = try YamuxUpgrade().mux(channel, direction: .inbound)
                connection.delegate = EchoConnection(echoClosed)
            }.whenFailure { _ in channel.close(promise: nil) }
            return channel.eventLoop.makeSucceededVoidFuture()
        }.bind(host: "127.0.0.1", port: 0).get()
        let address = try #require(server.localAddress)

        let run = loop.makePromise(of: DialerRun.Outcome.self)
        ClientBootstrap(group: loop).connect(to: address).flatMap { channel in
            dialerSecurity.secure(channel, direction: .outbound, expectedPeer: nil, muxers: []).flatMapThrowing { _ in
                let connection = try YamuxUpgrade().mux(channel, direction: .outbound)
                try DialerRun(connection, run).start()
            }
        }.cascadeFailure(to: run)

        let outcome = try await run.futureResult.get()
        #expect(outcome.received == outcome.sent && outcome.isInOrder)
        #expect(outcome.dialerClosed == .closedLocally(.shutdown))
        #expect(try await echoClosed.futureResult.get() == .closedByPeer(.shutdown))
        try await server.close()
    }
}

/// Sends everything back. On one loop only.
private final class EchoConnection: MuxedConnectionDelegate {
    private let closed: EventLoopPromise<ConnectionCloseReason>

    init(_ closed: EventLoopPromise<ConnectionCloseReason>) { self.closed = closed }

    func muxerAcceptedStream(_ stream: any MuxedStream) { stream.delegate = EchoStream(stream) }
    func muxerStreamEnded(_ stream: any MuxedStream) {}
    func muxerClosed(_ reason: ConnectionCloseReason) { self.closed.succeed(reason) }

    private final class EchoStream: MuxedStreamDelegate {
        private let stream: any MuxedStream
        private var owedCredit = 0

        init(_ stream: any MuxedStream) { self.stream = stream }

        func streamReceived(_ data: ByteBuffer) {
            self.stream.write(data, promise: nil)
            self.owedCredit += data.readableBytes
            self.payCredit()
        }

        func streamRemoteClosedWrite() { self.stream.closeWrite() }
        func streamWritabilityChanged(_ isWritable: Bool) { self.payCredit() }
        func streamClosed(_ reason: StreamCloseReason) {}

        private func payCredit() {
            guard self.stream.isWritable else { return }
            self.stream.returnCredit(self.owedCredit)
            self.owedCredit = 0
        }
    }
}

/// Sends a pattern on one stream, compares what comes back, says goodbye. On one loop only.
private final class DialerRun: MuxedConnectionDelegate, MuxedStreamDelegate {
    struct Outcome: Sendable {
        var sent = 0
        var received = 0
        var isInOrder = true
        var dialerClosed = ConnectionCloseReason.transportFailed("")
    }

    private let connection: any MuxedConnection
    private let done: EventLoopPromise<Outcome>
    private var outcome = Outcome()
    private var stream: (any MuxedStream)?
    private static let total = 24 * YamuxPattern.bytes.readableBytes

    init(_ connection: any MuxedConnection, _ done: EventLoopPromise<Outcome>) {
        self.connection = connection
        self.done = done
    }

    func start() throws {
        self.connection.delegate = self
        let stream = try self.connection.openStream()
        self.stream = stream
        stream.delegate = self
        self.fill()
    }

    private func fill() {
        guard let stream = self.stream else { return }
        while stream.isWritable, self.outcome.sent < Self.total {
            stream.write(YamuxPattern.bytes, promise: nil)
            self.outcome.sent += YamuxPattern.bytes.readableBytes
            if self.outcome.sent == Self.total { stream.closeWrite() }
        }
    }

    func streamReceived(_ data: ByteBuffer) {
        let period = YamuxPattern.bytes.readableBytes
        var rest = data
        while rest.readableBytes > 0 {
            let offset = self.outcome.received % period
            let count = min(rest.readableBytes, period - offset)
            let piece = rest.readSlice(length: count)
            if piece != YamuxPattern.bytes.getSlice(at: offset, length: count) { self.outcome.isInOrder = false }
            self.outcome.received += count
        }
        self.stream?.returnCredit(data.readableBytes)
    }

    func streamRemoteClosedWrite() {}
    func streamWritabilityChanged(_ isWritable: Bool) { self.fill() }
    func streamClosed(_ reason: StreamCloseReason) {
        self.stream = nil
        if reason != .finished { self.outcome.isInOrder = false }
        _ = self.connection.close(.shutdown)
    }

    func muxerAcceptedStream(_ stream: any MuxedStream) {}
    func muxerStreamEnded(_ stream: any MuxedStream) {}
    func muxerClosed(_ reason: ConnectionCloseReason) {
        self.outcome.dialerClosed = reason
        self.done.succeed(self.outcome)
    }
}
