import LibP2PCore
import Multiformats
import NIOCore
import Testing

@testable import LibP2PSwarm

@Suite struct TrimPlanTests {
    private static func peer(_ number: UInt8) -> PeerID {
        do {
            return try PeerID(bytes: [0x12, 0x20] + [UInt8](repeating: number, count: 32))
        } catch {
            preconditionFailure("the peer ID of a test is well-formed: \(error)")
        }
    }

    private static func candidate(
        _ id: UInt64,
        peer: UInt8? = nil,
        direction: Direction = .inbound,
        openedAt: Int64 = 0,
        streams: Int = 0,
        value: Int64 = 0,
        isProtected: Bool = false
    ) -> TrimPlan.Candidate {
        TrimPlan.Candidate(
            id: ConnectionID(rawValue: id),
            peer: Self.peer(peer ?? UInt8(id)),
            direction: direction,
            openedAt: .uptimeNanoseconds(0) + .seconds(openedAt),
            streams: streams,
            value: value,
            isProtected: isProtected
        )
    }

    private func closed(_ candidates: [TrimPlan.Candidate], lowWater: Int, now: Int64 = 1000) -> [UInt64] {
        TrimPlan.connectionsToClose(
            candidates,
            lowWater: lowWater,
            gracePeriod: .seconds(60),
            now: .uptimeNanoseconds(0) + .seconds(now)
        ).map(\.rawValue)
    }

    @Test func theLeastValuableGoFirst() {
        let candidates = [Self.candidate(1, value: 10), Self.candidate(2, value: -5), Self.candidate(3, value: 1)]

        #expect(self.closed(candidates, lowWater: 1) == [2, 3])
        #expect(self.closed(candidates, lowWater: 3) == [])
        #expect(self.closed(candidates, lowWater: 4) == [])
    }

    @Test func ofEqualValueThoseWithoutStreamsGoFirstThenInbound() {
        let candidates = [
            Self.candidate(1, direction: .outbound, streams: 1), Self.candidate(2, streams: 2),
            Self.candidate(3, direction: .outbound), Self.candidate(4),
        ]

        #expect(self.closed(candidates, lowWater: 0) == [4, 3, 2, 1])
    }

    @Test func protectedAndYoungPeersAreSpared() {
        let candidates = [
            Self.candidate(1, isProtected: true), Self.candidate(2, openedAt: 941), Self.candidate(3, openedAt: 940),
        ]

        #expect(self.closed(candidates, lowWater: 0) == [3])
    }

    @Test func aPeerGoesWithAllItsConnections() {
        let candidates = [Self.candidate(1, peer: 1), Self.candidate(2, peer: 1), Self.candidate(3, value: 1)]

        #expect(self.closed(candidates, lowWater: 2) == [1, 2])
    }
}

@Suite struct PeerTagsTests {
    private let peer: PeerID

    init() throws {
        self.peer = try PeerID(bytes: [0x12, 0x20] + [UInt8](repeating: 1, count: 32))
    }

    @Test func theValueIsTheSumOfTheTags() {
        var tags = PeerTags()
        tags.tag(self.peer, "a", weight: 5)
        tags.tag(self.peer, "b", weight: 7)
        tags.tag(self.peer, "a", weight: 1)

        #expect(tags.value(of: self.peer) == 8)
        tags.untag(self.peer, "b")
        #expect(tags.value(of: self.peer) == 1)
    }

    @Test func hugeWeightsDoNotOverflow() {
        var tags = PeerTags()
        tags.tag(self.peer, "a", weight: .max)
        tags.tag(self.peer, "b", weight: .max)

        #expect(tags.value(of: self.peer) == .max)
    }

    @Test(arguments: [63, 64, 65])
    func tagsPerPeerAreBounded(_ count: Int) {
        var tags = PeerTags()

        for number in 0..<count { tags.tag(self.peer, "\(number)", weight: 1) }

        #expect(tags.value(of: self.peer) == Int64(min(count, PeerTags.maximumTags)))
    }

    @Test func aPeerIsProtectedUntilTheLastProtectionFalls() {
        var tags = PeerTags()
        tags.protect(self.peer, "a")
        tags.protect(self.peer, "b")
        tags.unprotect(self.peer, "a")
        #expect(tags.isProtected(self.peer))

        tags.unprotect(self.peer, "b")

        #expect(!tags.isProtected(self.peer))
    }
}

@Suite struct SwarmConnectionManagerTests {
    private let net = TestNet()

    private func hub(low: Int, high: Int, grace: TimeAmount, peers count: Int) throws -> (TestNode, [TestNode]) {
        let hub = try self.net.node {
            $0.connectionManager.lowWater = low
            $0.connectionManager.highWater = high
            $0.connectionManager.gracePeriod = grace
        }
        var others: [TestNode] = []
        for port in 1...UInt16(count) {
            let other = try self.net.node()
            self.net.listen(other, port)
            _ = hub.connect(to: other.peer, [.example(port)])
            self.net.advance(.milliseconds(10))
            others.append(other)
        }
        return (hub, others)
    }

    @Test func trimHasClosedConnectionsWhenItSucceeds() throws {
        let (hub, others) = try self.hub(low: 1, high: 2, grace: .zero, peers: 3)
        hub.swarm.connectionManager.tag(others[0].peer, tag: "keep", weight: 1)

        let trimmed = Outcome(hub.swarm.connectionManager.trim())
        while trimmed.completions == 0 { self.net.advance(.milliseconds(1)) }

        #expect(hub.swarm.connections.map(\.remotePeer) == [others[0].peer])
        #expect(others[1].swarm.connections.isEmpty && others[2].swarm.connections.isEmpty)
        self.net.tearDown()
    }

    @Test func beyondTheHighWaterMarkConnectionsAreTrimmedByItself() throws {
        let (hub, _) = try self.hub(low: 1, high: 2, grace: .zero, peers: 3)
        #expect(hub.swarm.connections.count == 3)

        self.net.advance(.seconds(10))

        #expect(hub.swarm.connections.count == 1)
        self.net.tearDown()
    }

    @Test func atTheHighWaterMarkNothingIsTrimmed() throws {
        let (hub, _) = try self.hub(low: 1, high: 3, grace: .zero, peers: 3)

        self.net.advance(.minutes(1))

        #expect(hub.swarm.connections.count == 3)
        self.net.tearDown()
    }

    @Test func protectedPeersStay() throws {
        let (hub, others) = try self.hub(low: 0, high: 0, grace: .seconds(20), peers: 2)
        hub.swarm.connectionManager.protect(others[0].peer, tag: "friend")
        _ = hub.swarm.connectionManager.trim()
        self.net.advance(.seconds(1))
        #expect(hub.swarm.connections.count == 2)

        self.net.advance(.seconds(40))

        #expect(hub.swarm.connections.map(\.remotePeer) == [others[0].peer])
        self.net.tearDown()
    }
}
