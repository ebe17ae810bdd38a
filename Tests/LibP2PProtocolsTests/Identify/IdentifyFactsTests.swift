import LibP2PCore
import Multiformats
import Testing

@testable import LibP2PProtocols

@Suite struct IdentifyFactsTests {
    private let key: PrivateKey
    private let other: PrivateKey

    init() throws {
        self.key = try PrivateKey.generate(.ed25519)
        self.other = try PrivateKey.generate(.ed25519)
    }

    private func judge(
        _ message: IdentifyMessage,
        at remote: String = "/ip4/8.8.8.8/tcp/4001"
    ) throws -> IdentifyFacts? {
        let verdict = IdentifyFacts.judge(
            message,
            peer: self.key.peerID,
            publicKey: self.key.publicKey,
            remoteAddress: try Multiaddr(remote)
        )
        guard case .accept(let facts) = verdict else { return nil }
        return facts
    }

    private func record(_ key: PrivateKey, about peer: PeerID? = nil, _ addresses: [String]) throws -> [UInt8] {
        let record = PeerRecord(
            peerID: peer ?? key.peerID,
            sequence: 7,
            addresses: try addresses.map { try Multiaddr($0) }
        )
        return try record.sealed(by: key)
    }

    @Test func anotherPublicKeyVoidsTheMessage() throws {
        #expect(try self.judge(IdentifyMessage(publicKey: self.other.publicKey.protobuf)) == nil)
        #expect(try self.judge(IdentifyMessage(publicKey: [0xff])) == nil)
        #expect(try self.judge(IdentifyMessage(publicKey: self.key.publicKey.protobuf)) != nil)
    }

    @Test func theAddressesOfTheSignedRecordCount() throws {
        let message = IdentifyMessage(
            listenAddresses: [try Multiaddr("/ip4/1.1.1.1/tcp/1").bytes],
            signedPeerRecord: try self.record(self.key, ["/ip4/9.9.9.9/tcp/9"])
        )

        let facts = try #require(try self.judge(message))

        #expect(facts.addresses == [try Multiaddr("/ip4/9.9.9.9/tcp/9")])
        #expect(facts.signedRecord?.sequence == 7)
    }

    @Test func aRecordOfAnotherPeerCountsForNothing() throws {
        let message = IdentifyMessage(
            listenAddresses: [try Multiaddr("/ip4/1.1.1.1/tcp/1").bytes],
            signedPeerRecord: try self.record(self.other, ["/ip4/9.9.9.9/tcp/9"])
        )

        let facts = try #require(try self.judge(message))

        #expect(facts.addresses == [try Multiaddr("/ip4/1.1.1.1/tcp/1")])
        #expect(facts.signedRecord == nil)
    }

    @Test(arguments: [
        ("/ip4/8.8.8.8/tcp/1", ["/ip4/1.1.1.1/tcp/1", "/dns4/example.com/tcp/1"]),
        ("/ip4/10.0.0.1/tcp/1", ["/ip4/1.1.1.1/tcp/1", "/ip4/192.168.0.1/tcp/1", "/dns4/example.com/tcp/1"]),
        (
            "/ip4/127.0.0.1/tcp/1",
            [
                "/ip4/1.1.1.1/tcp/1", "/ip4/192.168.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1",
                "/ip4/169.254.169.254/tcp/80", "/dns4/example.com/tcp/1",
            ]
        ),
    ])
    func aPeerTellsOnlyOfAddressesOfItsOwnScope(remote: String, credible: [String]) throws {
        let told = [
            "/ip4/1.1.1.1/tcp/1", "/ip4/192.168.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1", "/ip6/::1/tcp/1",
            "/ip4/169.254.169.254/tcp/80", "/ip4/0.0.0.0/tcp/1", "/unix/run/x.sock", "/dns4/example.com/tcp/1",
        ]
        let message = IdentifyMessage(listenAddresses: try told.map { try Multiaddr($0).bytes })

        let facts = try #require(try self.judge(message, at: remote))

        #expect(facts.addresses?.map(\.description) == credible)
    }

    @Test func addressesOfOtherPeersAndRepetitionsAreDropped() throws {
        let plain = try Multiaddr("/ip4/1.1.1.1/tcp/1")
        let message = IdentifyMessage(listenAddresses: [
            plain.bytes, plain.withPeerID(self.key.peerID).bytes,
            try Multiaddr("/ip4/1.1.1.1/tcp/2").withPeerID(self.other.peerID).bytes, [0xff, 0xff], [],
        ])

        let facts = try #require(try self.judge(message))

        #expect(facts.addresses == [plain])
    }

    @Test func whatWasNotSaidStaysUnknown() throws {
        let facts = try #require(try self.judge(IdentifyMessage()))

        #expect(facts.addresses == nil)
        #expect(facts.protocols == nil)
        #expect(facts.agentVersion == nil)
    }

    @Test func protocolNamesThatCannotStandOnTheWireAreDropped() throws {
        let long = String(repeating: "x", count: 1023)
        let facts = try #require(try self.judge(IdentifyMessage(protocols: ["/a", "", "/b\n", long, "/a", "c"])))

        #expect(facts.protocols == ["/a", "c"])
    }

    @Test func theAgentVersionIsMadePrintableAndShort() throws {
        let hostile = "ok\u{1b}[31m\u{202e}\n" + String(repeating: "é", count: 500)

        let agent = try #require(try self.judge(IdentifyMessage(agentVersion: hostile))?.agentVersion)

        #expect(agent.hasPrefix("ok?[31m??é"))
        #expect(agent.utf8.count <= 256)
    }
}
