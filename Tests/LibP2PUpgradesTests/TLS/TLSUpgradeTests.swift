import CNIOBoringSSL
import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import NIOPosix
import NIOSSL
import Testing

@testable import LibP2PUpgrades

@Suite struct TLSUpgradeTests {
    @Test(arguments: KeyType.allCases, KeyType.allCases)
    func bothSidesLearnWhoTheOtherIs(clientType: KeyType, serverType: KeyType) throws {
        let clientKey = try PrivateKey.generate(clientType)
        let serverKey = try PrivateKey.generate(serverType)
        let pair = try TLSPair()

        pair.secureServer(TLSUpgrade(hostKey: serverKey))
        pair.secureClient(TLSUpgrade(hostKey: clientKey), expecting: serverKey.peerID)
        pair.exchange()

        let atClient = try #require(try pair.clientResult?.get())
        let atServer = try #require(try pair.serverResult?.get())
        #expect(atClient.peerID == serverKey.peerID)
        #expect(atClient.publicKey == serverKey.publicKey)
        #expect(atClient.security == "/tls/1.0.0")
        #expect(atServer.peerID == clientKey.peerID)
        #expect(atServer.publicKey == clientKey.publicKey)
    }

    @Test func muxersAreAgreedOnDuringTheHandshake() throws {
        let cases: [(client: [ProtocolID], server: [ProtocolID], agreed: ProtocolID?)] = [
            (["/yamux/1.0.0"], ["/yamux/1.0.0"], "/yamux/1.0.0"),
            (["/a", "/yamux/1.0.0"], ["/yamux/1.0.0"], "/yamux/1.0.0"),
            (["/a"], ["/b"], nil),
            ([], ["/yamux/1.0.0"], nil),
            ([ProtocolID(String(repeating: "a", count: 256)), "/ü", ""], ["/b"], nil),
        ]
        for (client, server, agreed) in cases {
            let pair = try TLSPair()
            pair.secureServer(TLSUpgrade(hostKey: try .generate(.ed25519)), muxers: server)
            pair.secureClient(TLSUpgrade(hostKey: try .generate(.ed25519)), muxers: client)
            pair.exchange()

            #expect(try pair.clientResult?.get().muxer == agreed)
            #expect(try pair.serverResult?.get().muxer == agreed)
        }
    }

    @Test func dataInTheFlightThatEndsTheHandshakeReachesTheHandlersThatTheFutureAdds() throws {
        let pair = try TLSPair()
        pair.secureServer(TLSUpgrade(hostKey: try .generate(.ed25519))) {
            pair.server.writeAndFlush(ByteBuffer(string: "from server"), promise: nil)
        }
        pair.secureClient(TLSUpgrade(hostKey: try .generate(.ed25519))) {
            pair.client.writeAndFlush(ByteBuffer(string: "from client"), promise: nil)
        }
        pair.exchange()

        #expect(pair.serverReads.bytes == Array("from client".utf8))
        #expect(pair.clientReads.bytes == Array("from server".utf8))
    }

    @Test func anotherPeerThanTheExpectedOneIsRefused() throws {
        let expected = try PrivateKey.generate(.ed25519).peerID
        let serverKey = try PrivateKey.generate(.ed25519)
        let pair = try TLSPair()

        pair.secureServer(TLSUpgrade(hostKey: serverKey))
        pair.secureClient(TLSUpgrade(hostKey: try .generate(.ed25519)), expecting: expected)
        pair.exchange()

        #expect(
            pair.clientResult?.securityError == .peerIDMismatch(expected: expected, actual: serverKey.peerID)
        )
        #expect(!pair.client.isActive)
        #expect(pair.serverResult?.securityError != nil)
        #expect(!pair.server.isActive)
    }

    @Test func ourselvesAreRefused() throws {
        let hostKey = try PrivateKey.generate(.ed25519)
        let pair = try TLSPair()

        pair.secureServer(TLSUpgrade(hostKey: hostKey))
        pair.secureClient(TLSUpgrade(hostKey: hostKey))
        pair.exchange()

        #expect(pair.clientResult?.securityError == .selfDial)
    }

    @Test func aCertificateOutsideItsTimeIsRefused() throws {
        let pair = try TLSPair()
        let late = TLSUpgrade(hostKey: try .generate(.ed25519)) { TLSPeerVerificationTests.now + 7200 }
        let early = TLSUpgrade(hostKey: try .generate(.ed25519)) { TLSPeerVerificationTests.now }

        pair.secureServer(late)
        pair.secureClient(early)
        pair.exchange()

        #expect(pair.clientResult?.securityError == .handshakeFailed("certificate is not valid yet"))
    }

    @Test func clientsWithoutACertificateAreRefused() throws {
        let pair = try TLSPair()
        pair.secureServer(TLSUpgrade(hostKey: try .generate(.ed25519)))
        try pair.addForeignClient { _ in }
        pair.exchange()

        guard case .handshakeFailed? = pair.serverResult?.securityError else {
            Issue.record("server took a client without certificate: \(String(describing: pair.serverResult))")
            return
        }
        #expect(!pair.server.isActive)
    }

    @Test func clientsWithABadCertificateAreRefused() throws {
        let key = try #require(TLSCertificate.freshKey())
        defer { EVP_PKEY_free(key) }
        let privateKey = try #require(DER.encode { i2d_PrivateKey(key, $0) })
        let certificate = try TLSCertificate.encoded(
            hostKey: .generate(.ed25519),
            key: key,
            now: TLSPeerVerificationTests.now
        ) { BadCertificate.removeExtensions(of: $0) }
        let good = try TLSCertificate.encoded(hostKey: .generate(.ed25519), key: key, now: TLSPeerVerificationTests.now)
        for (chain, reason) in [
            ([certificate], "certificate lacks the libp2p extension"),
            ([good, good], "peer sent 2 certificates instead of one"),
        ] {
            let pair = try TLSPair()
            pair.secureServer(TLSUpgrade(hostKey: try .generate(.ed25519)) { TLSPeerVerificationTests.now })
            try pair.addForeignClient { configuration in
                configuration.certificateChain = try chain.map {
                    .certificate(try NIOSSLCertificate(bytes: $0, format: .der))
                }
                configuration.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: privateKey, format: .der))
            }
            pair.exchange()

            #expect(pair.serverResult?.securityError == .handshakeFailed(reason))
        }
    }

    @Test func olderVersionsOfTLSAreRefused() throws {
        let pair = try TLSPair()
        pair.secureServer(TLSUpgrade(hostKey: try .generate(.ed25519)))
        try pair.addForeignClient { $0.maximumTLSVersion = .tlsv12 }
        pair.exchange()

        guard case .handshakeFailed? = pair.serverResult?.securityError else {
            Issue.record("server spoke TLS 1.2")
            return
        }
    }

    static let garbage: [String: [UInt8]] = [
        "text": Array("GET / HTTP/1.1\r\n\r\n".utf8),
        "zeros": [UInt8](repeating: 0, count: 64),
        "ones": [UInt8](repeating: 0xFF, count: 40_000),
        "a message of 16 MiB": [0x16, 0x03, 0x01, 0x00, 0x04, 0x01, 0xFF, 0xFF, 0xFF],
        "a record longer than TLS allows": [0x16, 0x03, 0x01, 0xFF, 0xFF] + [UInt8](repeating: 1, count: 0xFFFF),
    ]

    @Test(arguments: garbage.keys.sorted())
    func garbageFailsTheHandshakeAtOnce(kind: String) throws {
        let bytes = try #require(Self.garbage[kind])
        for direction in [Direction.inbound, .outbound] {
            let pair = try TLSPair()
            let upgrade = TLSUpgrade(hostKey: try .generate(.ed25519))
            let channel: EmbeddedChannel
            switch direction {
            case .inbound:
                channel = pair.server
                pair.secureServer(upgrade)
            case .outbound:
                channel = pair.client
                pair.secureClient(upgrade)
            }
            pair.loop.run()
            _ = try? channel.writeInbound(ByteBuffer(bytes: bytes))
            pair.loop.run()

            let result = direction == .inbound ? pair.serverResult : pair.clientResult
            guard case .handshakeFailed? = result?.securityError else {
                Issue.record("\(direction): \(String(describing: result))")
                continue
            }
            #expect(!channel.isActive)
        }
    }

    @Test func aChannelThatEndsDuringTheHandshakeFailsTheFuture() throws {
        let pair = try TLSPair()
        pair.secureServer(TLSUpgrade(hostKey: try .generate(.ed25519)))
        pair.secureClient(TLSUpgrade(hostKey: try .generate(.ed25519)))
        pair.carry(from: pair.client, to: pair.server)
        pair.client.close(promise: nil)
        pair.server.pipeline.fireChannelInactive()
        pair.loop.advanceTime(by: .seconds(2))

        #expect(pair.clientResult?.securityError == .channelClosed)
        #expect(pair.serverResult?.securityError == .channelClosed)
    }

    @Test func aChannelThatHasEndedFailsTheFuture() throws {
        let pair = try TLSPair()
        pair.client.close(promise: nil)
        pair.loop.run()
        pair.secureClient(TLSUpgrade(hostKey: try .generate(.ed25519)))
        pair.loop.run()

        #expect(pair.clientResult?.securityError == .channelClosed)
    }

    @Test func serversSendNoSessionTickets() throws {
        let pair = try TLSPair()
        pair.secureServer(TLSUpgrade(hostKey: try .generate(.ed25519)))
        pair.secureClient(TLSUpgrade(hostKey: try .generate(.ed25519)))
        pair.carry(from: pair.client, to: pair.server)
        pair.loop.run()
        pair.carry(from: pair.server, to: pair.client)
        pair.loop.run()
        pair.carry(from: pair.client, to: pair.server)
        pair.loop.run()

        #expect(try pair.serverResult?.get() != nil)
        #expect(try pair.server.readOutbound(as: ByteBuffer.self) == nil)
    }

    @Test func aSuddenEndIsNoError() throws {
        let pair = try TLSPair()
        pair.secureServer(TLSUpgrade(hostKey: try .generate(.ed25519)))
        pair.secureClient(TLSUpgrade(hostKey: try .generate(.ed25519)))
        pair.exchange()

        pair.server.pipeline.fireChannelInactive()

        #expect(pair.serverReads.isInactive)
        #expect(pair.serverReads.errors.isEmpty)
    }

    @Test func alteredDataEndsTheChannelWithAnError() throws {
        let pair = try TLSPair()
        pair.secureServer(TLSUpgrade(hostKey: try .generate(.ed25519)))
        pair.secureClient(TLSUpgrade(hostKey: try .generate(.ed25519)))
        pair.exchange()

        pair.client.writeAndFlush(ByteBuffer(string: "data"), promise: nil)
        var record = try #require(try pair.client.readOutbound(as: ByteBuffer.self))
        let last = record.readableBytes - 1
        let byte = try #require(record.getInteger(at: last, as: UInt8.self))
        record.setInteger(byte ^ 1, at: last)
        _ = try? pair.server.writeInbound(record)
        pair.loop.run()

        #expect(pair.serverReads.bytes.isEmpty)
        #expect(!pair.serverReads.errors.isEmpty)
        #expect(!pair.server.isActive)
    }

    @Test func aCloseEndsBothSidesWithoutErrors() throws {
        let pair = try TLSPair()
        pair.secureServer(TLSUpgrade(hostKey: try .generate(.ed25519)))
        pair.secureClient(TLSUpgrade(hostKey: try .generate(.ed25519)))
        pair.exchange()

        pair.client.close(promise: nil)
        pair.exchange()
        pair.loop.advanceTime(by: .seconds(1))

        #expect(!pair.client.isActive)
        #expect(!pair.server.isActive)
        #expect(pair.serverReads.errors.isEmpty)
        #expect(pair.clientReads.errors.isEmpty)
    }

    @Test func oneUpgradeServesManyConnectionsWithOneCertificate() throws {
        let server = TLSUpgrade(hostKey: try .generate(.ed25519))
        let client = TLSUpgrade(hostKey: try .generate(.ed25519))
        for _ in 0..<3 {
            let pair = try TLSPair()
            pair.secureServer(server)
            pair.secureClient(client)
            pair.exchange()
            #expect(try pair.serverResult?.get() != nil)
        }
    }
}

extension TLSPair {
    /// A TLS client that is not ours and verifies nothing.
    func addForeignClient(_ configure: (inout TLSConfiguration) throws -> Void) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.trustRoots = .certificates([])
        configuration.applicationProtocols = ["libp2p"]
        try configure(&configuration)
        let context = try NIOSSLContext(configuration: configuration)
        try self.client.pipeline.syncOperations.addHandler(NIOSSLClientHandler(context: context, serverHostname: nil))
    }
}
