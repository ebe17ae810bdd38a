import LibP2P
import LibP2PCore
import Logging
import Multiformats
import NIOCore
import NIOPosix
import Testing

// One after the other: deadlines of a loaded machine would be those of all tests together.
@Suite(.serialized) struct HostTests {
    @Test(arguments: [HostSecurity.tls, .noise])
    func twoHostsConnectAndIdentifyEachOther(security: HostSecurity) async throws {
        try await withHosts(configure: { $0.securities = [security] }) { alice, bob in
            let connection = try await alice.connect(bob)

            #expect(connection.remotePeer == bob.peerID)
            #expect(connection.security == (security == .tls ? "/tls/1.0.0" : "/noise"))
            #expect(connection.muxer == "/yamux/1.0.0")
            #expect(alice.peerstore.agentVersion(of: bob.peerID) == "p2pd/test")
            #expect(alice.peerstore.protocols(of: bob.peerID) == bob.network.protocols)
            #expect(alice.peerstore.addresses(of: bob.peerID, now: .now()) == bob.addresses)
            #expect(alice.peerstore.publicKey(of: bob.peerID) == bob.configuration.identity.publicKey)
            #expect(alice.peerstore.signedRecord(of: bob.peerID) != nil)
            try await eventually { bob.peerstore.protocols(of: alice.peerID) == alice.network.protocols }
        }
    }

    @Test(arguments: KeyType.allCases, [HostSecurity.tls, .noise])
    func everyKeyTypeWorks(keyType: KeyType, security: HostSecurity) async throws {
        try await withHosts((keyType, .ed25519), configure: { $0.securities = [security] }) { alice, bob in
            let there = try await alice.connect(bob)
            #expect(there.remotePeer == bob.peerID)
            _ = try await alice.network.disconnect(bob.peerID).get()
            try await eventually { bob.network.connections.isEmpty }

            let back = try await bob.connect(alice)
            #expect(back.remotePeer == alice.peerID)
            #expect(bob.peerstore.signedRecord(of: alice.peerID) != nil)
        }
    }

    @Test func theFirstSecurityBothHaveIsTaken() async throws {
        try await withHosts { alice, bob in
            let connection = try await alice.connect(bob)
            #expect(connection.security == "/tls/1.0.0")
        }
        try await withHosts(configure: { $0.securities = [.noise, .tls] }) { alice, bob in
            let connection = try await alice.connect(bob)
            #expect(connection.security == "/noise")
        }
    }

    @Test func aPingTellsTheRoundTrip() async throws {
        try await withHosts { alice, bob in
            let connection = try await alice.connect(bob)

            let roundTrips = try await withThrowingTaskGroup(of: TimeAmount.self) { group in
                for _ in 0..<20 {
                    group.addTask { try await alice.ping(connection).get() }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }

            #expect(roundTrips.allSatisfy { $0 > .zero && $0 < .seconds(5) })
            let back = try #require(bob.network.connections(to: alice.peerID).first)
            #expect(try await bob.ping(back).get() > .zero)
        }
    }

    @Test(arguments: [HostSecurity.tls, .noise])
    func eightMebibytesAreEchoedAsTheyWere(security: HostSecurity) async throws {
        try await withHosts(configure: { $0.securities = [security] }) { alice, bob in
            let connection = try await alice.connect(bob)
            let stream = try await connection.openStream(["/echo/1.0.0"], timeout: .seconds(30)).get()

            let outcome = try await PatternExchange.run(stream, total: 8 * 1024 * 1024).get()

            #expect(outcome.isIdentical)
            #expect(outcome.remoteEnded)
            #expect(outcome.reason == .finished)
        }
    }

    @Test func theReplyMayComeAfterTheRequestHasEnded() async throws {
        try await withHosts { alice, bob in
            bob.network.setHandler(for: "/late") { stream in
                stream.delegate = ReplyAfterEnd(stream)
            }
            try await alice.connect(bob)
            let stream = try await alice.network.openStream(
                to: bob.peerID,
                protocols: ["/late"],
                timeout: .seconds(30)
            ).get()

            let outcome = try await PatternExchange.run(stream, total: 100_000).get()

            #expect(outcome.isIdentical)
            #expect(outcome.reason == .finished)
        }
    }

    @Test func aResetArrivesWithItsCode() async throws {
        try await withHosts { alice, bob in
            let collector = StreamCollector()
            bob.network.setHandler(for: "/app") { collector.add($0) }
            let connection = try await alice.connect(bob)
            let stream = try await connection.openStream(["/app"], timeout: .seconds(30)).get()
            let ended = stream.eventLoop.makePromise(of: StreamCloseReason.self)
            stream.eventLoop.execute {
                stream.delegate = EndWatcher(ended)
                stream.write(ByteBuffer(string: "hello"))
            }
            try await eventually { !collector.all.isEmpty }

            let theirs = try #require(collector.all.first)
            theirs.eventLoop.execute { theirs.reset(.rateLimited) }

            #expect(try await ended.futureResult.get() == .resetByPeer(.rateLimited))
        }
    }

    @Test func disconnectingIsSeenOnBothSides() async throws {
        try await withHosts { alice, bob in
            let connection = try await alice.connect(bob)
            try await eventually { bob.network.connections.count == 1 }

            try await alice.network.disconnect(bob.peerID).get()

            #expect(!connection.isOpen)
            #expect(alice.network.connections.count == 0)
            try await eventually { bob.network.connections.isEmpty }
        }
    }

    @Test func closingAHostEndsItsConnections() async throws {
        try await withHosts { alice, bob in
            try await alice.connect(bob)
            try await eventually { bob.network.connections.count == 1 }

            try await alice.close().get()

            try await eventually { bob.network.connections.isEmpty }
            #expect(alice.network.connections.count == 0)
        }
    }

    @Test func aThousandStreamsRunAtOnce() async throws {
        try await withHosts { alice, bob in
            let connection = try await alice.connect(bob)

            let outcomes = try await withThrowingTaskGroup(of: PatternExchange.Outcome.self) { group in
                for number in 0..<1000 {
                    group.addTask {
                        var attempt = 0
                        while true {
                            do {
                                let stream = try await connection.openStream(["/echo/1.0.0"], timeout: .seconds(30))
                                    .get()
                                return try await PatternExchange.run(stream, total: 1 + number).get()
                            } catch NetworkError.limitExceeded where attempt < 1000 {
                                // At most 256 streams wait for the peer's acknowledgement.
                                attempt += 1
                                try await Task.sleep(for: .milliseconds(2))
                            }
                        }
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }

            #expect(outcomes.count == 1000)
            #expect(outcomes.filter { !$0.isIdentical || $0.reason != .finished }.isEmpty)
        }
    }

    @Test func simultaneousDialsLeaveOneConnection() async throws {
        for _ in 0..<3 {
            try await withHosts { alice, bob in
                async let there: Void = { _ = try await alice.connect(bob) }()
                async let back: Void = { _ = try await bob.connect(alice) }()
                _ = try await (there, back)

                try await eventually {
                    alice.network.connections.count == 1 && bob.network.connections.count == 1
                }
                // The connection that lost may be closed in this very moment; the one that stays answers.
                var roundTrip: TimeAmount?
                for _ in 0..<5 where roundTrip == nil {
                    let connection = try await alice.connect(bob)
                    roundTrip = try? await alice.ping(connection).get()
                }
                #expect(roundTrip != nil)
            }
        }
    }

    @Test func aNewProtocolIsPushedToConnectedPeers() async throws {
        try await withHosts { alice, bob in
            try await alice.connect(bob)
            try await eventually { !bob.peerstore.protocols(of: alice.peerID).isEmpty }

            alice.network.setHandler(for: "/new") { $0.reset(.noError) }
            try await eventually { bob.peerstore.protocols(of: alice.peerID).contains("/new") }

            alice.network.removeHandler(for: "/new")
            try await eventually { !bob.peerstore.protocols(of: alice.peerID).contains("/new") }
        }
    }

    @Test func aPeerUnderAnotherIdentityIsRefused() async throws {
        try await withHosts { alice, bob in
            let other = try PrivateKey.generate(.ed25519).peerID
            let error = await #expect(throws: NetworkError.self) {
                try await alice.connect(to: other, addresses: bob.addresses, timeout: .seconds(30)).get()
            }

            guard case .allDialsFailed(other, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(alice.network.connections.count == 0)
        }
    }

    @Test func dialingOneselfOrAnUnknownPeerFailsAtOnce() async throws {
        try await withHosts { alice, bob in
            await #expect(throws: NetworkError.dialToSelf) { try await alice.connect(alice) }
            await #expect(throws: NetworkError.noAddresses(bob.peerID)) {
                try await alice.connect(to: bob.peerID, timeout: .seconds(30)).get()
            }
        }
    }

    @Test func anUnknownProtocolIsRefused() async throws {
        try await withHosts { alice, bob in
            let connection = try await alice.connect(bob)
            await #expect(throws: NetworkError.protocolsNotSupported(["/nope", "/neither"])) {
                try await connection.openStream(["/nope", "/neither"], timeout: .seconds(30)).get()
            }
            await #expect(throws: NetworkError.noProtocols) {
                try await connection.openStream([], timeout: .seconds(30)).get()
            }
        }
    }

    @Test func echoCanBeSwitchedOff() async throws {
        try await withHosts(configure: { $0.isEchoEnabled = false }) { alice, bob in
            #expect(!bob.network.protocols.contains("/echo/1.0.0"))
        }
    }
}

/// Keeps what it receives and sends it when the peer has ended its direction. Lives on the stream's event loop.
private final class ReplyAfterEnd: MuxedStreamDelegate {
    private let stream: Stream
    private var buffer = ByteBuffer()

    init(_ stream: Stream) {
        self.stream = stream
    }

    func streamReceived(_ data: ByteBuffer) {
        self.buffer.writeImmutableBuffer(data)
        self.stream.returnCredit(data.readableBytes)
    }

    func streamRemoteClosedWrite() {
        self.stream.write(self.buffer)
        self.stream.closeWrite()
    }

    func streamWritabilityChanged(_ isWritable: Bool) {}
    func streamClosed(_ reason: StreamCloseReason) {}
}
