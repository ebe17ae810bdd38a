import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import SwiftProtobuf
import Testing

@testable import P2PControl

/// Every request a client can make, with the answers and the words that clients know.
@Suite struct ControlRequestTests {
    private static func peerBytes(_ number: UInt8) -> [UInt8] {
        [0x12, 0x20] + [UInt8](repeating: number, count: 32)
    }

    @Test func identifyTellsWhoAndWhere() throws {
        let harness = try ControlHarness()

        let answer = try harness.client().ask { $0.type = .identify }

        #expect(answer.type == .ok && answer.hasType)
        #expect([UInt8](answer.identify.id) == harness.network.localPeer.bytes)
        #expect(try answer.identify.addrs.map { [UInt8]($0) } == [Multiaddr("/ip4/192.0.2.1/tcp/4001").bytes])
    }

    @Test func anAnswerStatesItsTypeEvenWhereItIsZero() throws {
        let client = try ControlHarness().client()

        try client.send { $0.type = .listPeers }

        let bytes = try #require(try client.channel.readOutbound(as: ByteBuffer.self))
        #expect([UInt8](bytes.readableBytesView) == [2, 0x08, 0x00])
    }

    @Test func versionTellsOperationsAndPersonality() throws {
        let client = try ControlHarness().client(personality: .hivemind)

        let version = try client.ask { $0.type = .version }.version

        #expect(version.version == "1.2.3")
        #expect(version.agent == "p2pd/1.2.3")
        #expect(version.personality == "hivemind")
        #expect(version.operations.contains("stream.open"))
        #expect(version.operations == version.operations.sorted())
    }

    @Test func connectListAndDisconnect() throws {
        let one = try ControlHarness(1)
        let other = try ControlHarness(2, loop: one.loop)
        MemoryNetwork.introduce(one.network, other.network)
        let client = try one.client()

        let connected = try client.ask {
            $0.type = .connect
            $0.connect.peer = .copying(Self.peerBytes(2))
        }
        let listed = try client.ask { $0.type = .listPeers }
        let disconnected = try client.ask {
            $0.type = .disconnect
            $0.disconnect.peer = .copying(Self.peerBytes(2))
        }
        let listedAfter = try client.ask { $0.type = .listPeers }

        #expect(connected.type == .ok)
        #expect(listed.peers.map { [UInt8]($0.id) } == [Self.peerBytes(2)])
        #expect(listed.peers.first?.addrs.map { [UInt8]($0) } == [other.network.address.bytes])
        #expect(disconnected.type == .ok)
        #expect(listedAfter.peers.isEmpty)
        #expect(try other.client().ask { $0.type = .listPeers }.peers.isEmpty)
    }

    @Test func disconnectingAStrangerIsDone() throws {
        let answer = try ControlHarness().client().ask {
            $0.type = .disconnect
            $0.disconnect.peer = .copying(Self.peerBytes(9))
        }

        #expect(answer.type == .ok)
    }

    @Test func connectWaitsForIdentifyToEnd() throws {
        let one = try ControlHarness(1)
        let other = try ControlHarness(2, loop: one.loop)
        MemoryNetwork.introduce(one.network, other.network)
        one.network.identifiesAtOnce = false
        let client = try one.client()

        try client.send {
            $0.type = .connect
            $0.connect.peer = .copying(Self.peerBytes(2))
        }
        #expect(try client.next(ProtoResponse.self) == nil)
        one.network.identified(other.network.localPeer, succeeded: false)
        one.loop.run()

        #expect(try client.answer().type == .ok)
    }

    @Test func connectWaitsForIdentifyOnlySoLong() throws {
        let one = try ControlHarness(1)
        let other = try ControlHarness(2, loop: one.loop)
        MemoryNetwork.introduce(one.network, other.network)
        one.network.identifiesAtOnce = false
        let client = try one.client()

        try client.send {
            $0.type = .connect
            $0.connect.peer = .copying(Self.peerBytes(2))
        }
        one.loop.advanceTime(by: .seconds(5))

        #expect(try client.answer().type == .ok)
    }

    @Test func whereIdentifyHasToldAlreadyConnectDoesNotWait() throws {
        let one = try ControlHarness(1)
        let other = try ControlHarness(2, loop: one.loop)
        MemoryNetwork.introduce(one.network, other.network)
        one.network.identifiesAtOnce = false
        one.peerstore.setProtocols(["/a"], of: other.network.localPeer)

        let answer = try one.client().ask {
            $0.type = .connect
            $0.connect.peer = .copying(Self.peerBytes(2))
        }

        #expect(answer.type == .ok)
    }

    @Test(arguments: [
        ProtoRequest.TypeEnum.connect, .streamOpen, .streamHandler, .removeStreamHandler, .connmanager, .disconnect,
    ])
    func aRequestWithoutItsMessageIsToldSo(_ type: ProtoRequest.TypeEnum) throws {
        let client = try ControlHarness().client()

        #expect(try client.failure { $0.type = type } == "Malformed request; missing parameters")
        #expect(try client.ask { $0.type = .identify }.type == .ok)
    }

    @Test(
        arguments: [
            ([], "multihash too short. must be >= 2 bytes"),
            ([0x12], "multihash too short. must be >= 2 bytes"),
            ([0x12, 0x20, 1], "length greater than remaining number of bytes in buffer"),
        ] as [([UInt8], String)]
    )
    func badPeersAreToldInMultihashWords(_ peer: [UInt8], _ message: String) throws {
        let client = try ControlHarness().client()

        #expect(
            try client.failure {
                $0.type = .connect
                $0.connect.peer = .copying(peer)
            } == message
        )
        #expect(
            try client.failure {
                $0.type = .streamOpen
                $0.streamOpen.peer = .copying(peer)
            } == message
        )
        #expect(
            try client.failure {
                $0.type = .disconnect
                $0.disconnect.peer = .copying(peer)
            } == message
        )
    }

    @Test func theFirstBadAddressFailsAConnect() throws {
        let client = try ControlHarness().client()
        let expected: String
        do {
            _ = try Multiaddr(bytes: [0xff])
            return
        } catch {
            expected = String(describing: error)
        }

        let message = try client.failure {
            $0.type = .connect
            $0.connect.peer = .copying(Self.peerBytes(2))
            $0.connect.addrs = [.copying([0xff])]
        }

        #expect(message == expected)
    }

    @Test func dialsFailInTheNetworksWords() throws {
        let harness = try ControlHarness()
        let client = try harness.client()
        let stranger = try PeerID(bytes: Self.peerBytes(7))

        #expect(
            try client.failure {
                $0.type = .connect
                $0.connect.peer = .copying(Self.peerBytes(1))
            } == "failed to dial: dial to self attempted"
        )
        #expect(
            try client.failure {
                $0.type = .connect
                $0.connect.peer = .copying(stranger.bytes)
            } == "failed to dial: failed to dial \(stranger): no addresses"
        )
    }

    @Test(arguments: [ProtoConnManagerRequest.TypeEnum.tagPeer, .untagPeer])
    func tagsNeedPeerAndTag(_ type: ProtoConnManagerRequest.TypeEnum) throws {
        let client = try ControlHarness().client()

        #expect(
            try client.failure {
                $0.type = .connmanager
                $0.connManager.type = type
                $0.connManager.peer = .copying([])
            } == "multihash too short. must be >= 2 bytes"
        )
        for tag in [nil, ""] {
            #expect(
                try client.failure {
                    $0.type = .connmanager
                    $0.connManager.type = type
                    $0.connManager.peer = .copying(Self.peerBytes(2))
                    if let tag { $0.connManager.tag = tag }
                } == "Malformed request; missing tag parameter"
            )
        }
    }

    @Test func tagUntagAndTrimReachTheConnectionManager() throws {
        let harness = try ControlHarness()
        let client = try harness.client()
        let peer = try PeerID(bytes: Self.peerBytes(2))

        _ = try client.ask {
            $0.type = .connmanager
            $0.connManager.type = .tagPeer
            $0.connManager.peer = .copying(peer.bytes)
            $0.connManager.tag = "x"
            $0.connManager.weight = 123
        }
        #expect(harness.manager.tags == ["\(peer)/x": 123])
        _ = try client.ask {
            $0.type = .connmanager
            $0.connManager.type = .untagPeer
            $0.connManager.peer = .copying(peer.bytes)
            $0.connManager.tag = "x"
        }
        #expect(harness.manager.tags.isEmpty)
        let trimmed = try client.ask {
            $0.type = .connmanager
            $0.connManager.type = .trim
        }
        #expect(trimmed.type == .ok)
        #expect(harness.manager.trimCount == 1)
    }

    @Test func aConnectionManagerRequestOfAnUnknownKindIsUnexpected() throws {
        let message = try ControlHarness().client().failure {
            $0.type = .connmanager
            $0.connManager.peer = .copying(Self.peerBytes(2))
        }

        #expect(message == "Unexpected request")
    }

    @Test func dhtAndPubSubAreNotEnabledWhateverIsAsked() throws {
        let client = try ControlHarness().client()

        #expect(try client.failure { $0.type = .dht } == "DHT not enabled")
        #expect(
            try client.failure {
                $0.type = .dht
                $0.dht.type = .findPeer
            } == "DHT not enabled"
        )
        #expect(try client.failure { $0.type = .pubsub } == "PubSub not enabled")
        #expect(
            try client.failure {
                $0.type = .pubsub
                $0.pubsub.type = .getTopics
            } == "PubSub not enabled"
        )
    }

    @Test func thePeerstoreIsAskedWithTheNumberOfPersistentConnections() throws {
        let harness = try ControlHarness()
        let client = try harness.client()
        let peer = try PeerID(bytes: Self.peerBytes(2))
        let address = try Multiaddr("/ip4/192.0.2.2/tcp/1")
        harness.peerstore.setProtocols(["/a", "/b"], of: peer)
        harness.peerstore.addAddresses([address], of: peer, lifetime: .standard, now: harness.loop.now)
        func ask(_ type: ProtoPeerstoreRequest.TypeEnum) throws -> ProtoResponse {
            var inner = ProtoPeerstoreRequest()
            inner.type = type
            inner.id = .copying(peer.bytes)
            let bytes: [UInt8] = try inner.serializedBytes()
            return try client.ask {
                $0.type = .persistentConnUpgradeOrPeerstore
                $0.removeStreamHandlerOrPeerstore = .copying(bytes)
            }
        }

        #expect(try ask(.getProtocols).peerStore.protos == ["/a", "/b"])
        let info = try ask(.getPeerInfo).peerStore.peer
        #expect([UInt8](info.id) == peer.bytes)
        #expect(info.addrs.map { [UInt8]($0) } == [address.bytes])
        #expect(try ask(.invalid).error.msg == "Unexpected request")
    }

    @Test(arguments: [(nil, 60), (0, 60), (-5, 60), (7, 7), (Int64.max, 86_400)] as [(Int64?, Int64)])
    func timeoutsAreSecondsWithBounds(_ sent: Int64?, _ expected: Int64) {
        var arguments = Arguments()
        arguments[.timeout] = sent.map { .integer($0) }

        #expect(arguments.timeout() == .seconds(expected))
    }

    @Test func everyOperationIsListedOnceWithItsPlace() {
        let names = OperationTable.all.map { $0.declaration.name }
        let numbers = OperationTable.all.compactMap { $0.declaration.protobuf }

        #expect(Set(names).count == names.count)
        #expect(Set(numbers).count == numbers.count)
        #expect(OperationTable.all.allSatisfy { OperationTable.operation(named: $0.declaration.name) == $0 })
        #expect(OperationTable.all.allSatisfy { $0.declaration.doc.hasSuffix(".") })
    }
}
