import LibP2PCore
import Multiformats
import NIOCore
import Testing

@Suite struct MemoryPeerstoreTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000_000)

    private func peer(_ number: Int) throws -> PeerID {
        let digest = (0..<32).map { UInt8(truncatingIfNeeded: $0 < 8 ? number >> ($0 * 8) : 7) }
        return try PeerID(bytes: [0x12, 0x20] + digest)
    }

    private func address(_ port: Int) throws -> Multiaddr {
        try Multiaddr("/ip4/8.8.8.8/tcp/\(port)")
    }

    @Test(arguments: [
        (AddressLifetime.temporary, TimeAmount.minutes(2)), (.recentlyConnected, .minutes(15)), (.standard, .hours(1)),
    ])
    func anAddressLastsItsLifetime(lifetime: AddressLifetime, duration: TimeAmount) throws {
        let store = MemoryPeerstore()
        store.addAddresses([try self.address(1)], of: try self.peer(1), lifetime: lifetime, now: self.start)

        let before = store.addresses(of: try self.peer(1), now: self.start + duration - .nanoseconds(1))
        let after = store.addresses(of: try self.peer(1), now: self.start + duration)

        #expect(before == [try self.address(1)])
        #expect(after.isEmpty)
    }

    @Test(arguments: [AddressLifetime.connected, .permanent])
    func someAddressesDoNotExpire(lifetime: AddressLifetime) throws {
        let store = MemoryPeerstore()
        store.addAddresses([try self.address(1)], of: try self.peer(1), lifetime: lifetime, now: self.start)

        #expect(store.addresses(of: try self.peer(1), now: self.start + .hours(10_000)).count == 1)
    }

    @Test func aShorterLifetimeNeverCutsALongerOne() throws {
        let store = MemoryPeerstore()
        store.addAddresses([try self.address(1)], of: try self.peer(1), lifetime: .standard, now: self.start)
        store.addAddresses([try self.address(1)], of: try self.peer(1), lifetime: .temporary, now: self.start)

        #expect(store.addresses(of: try self.peer(1), now: self.start + .minutes(59)).count == 1)
    }

    @Test func theBestSourceComesFirst() throws {
        let store = MemoryPeerstore()
        let peer = try self.peer(1)
        for (port, lifetime) in [(1, AddressLifetime.temporary), (2, .connected), (3, .standard), (4, .permanent)] {
            store.addAddresses([try self.address(port)], of: peer, lifetime: lifetime, now: self.start)
        }

        #expect(
            store.addresses(of: peer, now: self.start)
                == [try self.address(4), try self.address(2), try self.address(3), try self.address(1)]
        )
    }

    @Test func anUnconnectedPeerKeeps64AddressesAndTheOldestGivesWay() throws {
        let store = MemoryPeerstore()
        let peer = try self.peer(1)
        store.addAddresses([try self.address(1)], of: peer, lifetime: .recentlyConnected, now: self.start)
        for port in 2...65 {
            let now = self.start + .seconds(Int64(port))
            store.addAddresses([try self.address(port)], of: peer, lifetime: .temporary, now: now)
        }

        let addresses = store.addresses(of: peer, now: self.start + .seconds(66))

        #expect(addresses.count == 64)
        #expect(addresses.contains(try self.address(1)))
        #expect(!addresses.contains(try self.address(2)))
    }

    @Test func aConnectedPeerKeeps500Addresses() throws {
        let store = MemoryPeerstore()
        let peer = try self.peer(1)
        store.setConnected(true, peer: peer, now: self.start)
        store.addAddresses(try (1...501).map(self.address), of: peer, lifetime: .connected, now: self.start)

        #expect(store.addresses(of: peer, now: self.start).count == 500)
    }

    @Test func disconnectingKeepsTwentyAddressesForFifteenMinutes() throws {
        let store = MemoryPeerstore()
        let peer = try self.peer(1)
        store.setConnected(true, peer: peer, now: self.start)
        store.addAddresses(try (1...30).map(self.address), of: peer, lifetime: .connected, now: self.start)

        store.setConnected(false, peer: peer, now: self.start)

        #expect(store.addresses(of: peer, now: self.start + .minutes(14)).count == 20)
        #expect(store.addresses(of: peer, now: self.start + .minutes(15)).isEmpty)
    }

    @Test func replacingKeepsOnlyPermanentAddresses() throws {
        let store = MemoryPeerstore()
        let peer = try self.peer(1)
        store.addAddresses([try self.address(1)], of: peer, lifetime: .permanent, now: self.start)
        store.addAddresses([try self.address(2)], of: peer, lifetime: .standard, now: self.start)

        store.replaceAddresses([try self.address(3)], of: peer, lifetime: .connected, now: self.start)

        #expect(store.addresses(of: peer, now: self.start) == [try self.address(1), try self.address(3)])
    }

    @Test func theNewerSignedRecordReplacesTheOlder() throws {
        let store = MemoryPeerstore()
        let peer = try self.peer(1)

        #expect(store.setSignedRecord(SignedRecord(sequence: 2, envelope: [2]), of: peer))
        #expect(!store.setSignedRecord(SignedRecord(sequence: 1, envelope: [1]), of: peer))
        #expect(store.setSignedRecord(SignedRecord(sequence: 3, envelope: [3]), of: peer))

        #expect(store.signedRecord(of: peer)?.envelope == [3])
    }

    @Test func firstSupportedFollowsTheOrderOfTheCandidates() throws {
        let store = MemoryPeerstore()
        let peer = try self.peer(1)
        store.setProtocols(["/a", "/b"], of: peer)

        #expect(store.firstSupported(["/c", "/b", "/a"], by: peer) == "/b")
        #expect(store.firstSupported(["/c"], by: peer) == nil)
        #expect(store.firstSupported(["/a"], by: try self.peer(2)) == nil)
    }

    @Test(arguments: [(1024, 1024), (1025, 1024)])
    func atMost1024ProtocolsAreKept(given: Int, kept: Int) throws {
        let store = MemoryPeerstore()
        let peer = try self.peer(1)
        store.setProtocols((0..<given).map { ProtocolID("/\($0)") }, of: peer)

        #expect(store.protocols(of: peer).count == kept)
    }

    @Test func thePeerThatWasTouchedLongestAgoIsEvictedFirst() throws {
        var limits = MemoryPeerstore.Limits()
        limits.peers = 3
        let store = MemoryPeerstore(limits: limits)
        for number in 1...3 {
            let peer = try self.peer(number)
            store.addAddresses([try self.address(1)], of: peer, lifetime: .standard, now: self.start)
        }
        store.addAddresses([try self.address(1)], of: try self.peer(1), lifetime: .standard, now: self.start)

        store.addAddresses([try self.address(1)], of: try self.peer(4), lifetime: .standard, now: self.start)

        #expect(Set(store.peers) == Set([try self.peer(1), try self.peer(3), try self.peer(4)]))
    }

    @Test func aFloodOfHearsayEvictsNeitherConnectedNorMetNorPermanentPeers() throws {
        var limits = MemoryPeerstore.Limits()
        limits.peers = 10
        let store = MemoryPeerstore(limits: limits)
        store.setConnected(true, peer: try self.peer(1), now: self.start)
        store.setConnected(true, peer: try self.peer(2), now: self.start)
        store.setConnected(false, peer: try self.peer(2), now: self.start)
        store.addAddresses([try self.address(1)], of: try self.peer(3), lifetime: .permanent, now: self.start)

        for number in 100..<1000 {
            let peer = try self.peer(number)
            store.addAddresses([try self.address(1)], of: peer, lifetime: .standard, now: self.start)
        }

        #expect(store.peers.count == 10)
        #expect(try (1...3).allSatisfy { store.peers.contains(try self.peer($0)) })
    }

    @Test func unconnectedAddressesAreBoundedInAll() throws {
        var limits = MemoryPeerstore.Limits()
        limits.unconnectedAddresses = 100
        let store = MemoryPeerstore(limits: limits)
        for number in 0..<30 {
            let addresses = try (1...10).map(self.address)
            store.addAddresses(addresses, of: try self.peer(number), lifetime: .standard, now: self.start)
        }

        #expect(store.usage.unconnectedAddresses == 100)
        #expect(store.peers.count == 10)
    }

    @Test func metadataOfUnconnectedPeersIsBoundedInAll() throws {
        var limits = MemoryPeerstore.Limits()
        limits.metadataBytes = 10_000
        let store = MemoryPeerstore(limits: limits)
        for number in 0..<100 {
            store.setAgentVersion(String(repeating: "a", count: 256), of: try self.peer(number))
        }

        #expect(store.usage.metadataBytes <= 10_000)
        #expect(store.peers.count == 39)
    }

    @Test func expiredPeersAreForgottenWhileOthersAreAdded() throws {
        let store = MemoryPeerstore()
        for number in 0..<100 {
            let peer = try self.peer(number)
            store.addAddresses([try self.address(1)], of: peer, lifetime: .temporary, now: self.start)
        }

        for minute in stride(from: Int64(20), to: 60, by: 1) {
            for _ in 0..<30 {
                let now = self.start + .minutes(minute)
                store.addAddresses([try self.address(1)], of: try self.peer(1000), lifetime: .standard, now: now)
            }
        }

        #expect(store.peers == [try self.peer(1000)])
        #expect(store.usage.unconnectedAddresses == 1)
    }

    @Test func aConnectedPeerIsNotRemoved() throws {
        let store = MemoryPeerstore()
        store.setConnected(true, peer: try self.peer(1), now: self.start)
        store.setAgentVersion("a", of: try self.peer(2))

        store.remove(try self.peer(1))
        store.remove(try self.peer(2))

        #expect(store.peers == [try self.peer(1)])
    }

    @Test func countsStayTrueThroughRandomOperations() throws {
        let seed: UInt64 = 0x5eed_0001
        var generator = SplitMix(state: seed)
        var limits = MemoryPeerstore.Limits()
        limits.peers = 20
        limits.unconnectedAddresses = 50
        limits.metadataBytes = 400
        let store = MemoryPeerstore(limits: limits)
        var now = self.start
        let lifetimes: [AddressLifetime] = [.connected, .permanent, .recentlyConnected, .standard, .temporary]

        for _ in 0..<5000 {
            let peer = try self.peer(Int.random(in: 0..<40, using: &generator))
            let address = try self.address(Int.random(in: 1..<30, using: &generator))
            let lifetime = lifetimes[Int.random(in: 0..<5, using: &generator)]
            now = now + .seconds(Int64.random(in: 0..<60, using: &generator))
            switch Int.random(in: 0..<7, using: &generator) {
            case 0: store.addAddresses([address], of: peer, lifetime: lifetime, now: now)
            case 1: store.replaceAddresses([address], of: peer, lifetime: lifetime, now: now)
            case 2: store.setConnected(Bool.random(using: &generator), peer: peer, now: now)
            case 3: store.setAgentVersion("agent", of: peer)
            case 4: store.remove(peer)
            case 5: store.updateAddresses(of: peer, from: .connected, to: lifetime, now: now)
            default: store.setProtocols(["/a"], of: peer)
            }
        }
        for peer in store.peers {
            store.setConnected(false, peer: peer, now: now)
            store.remove(peer)
        }

        #expect(store.peers.isEmpty, "seed \(seed)")
        #expect(store.usage.unconnectedAddresses == 0, "seed \(seed)")
        #expect(store.usage.metadataBytes == 0, "seed \(seed)")
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
