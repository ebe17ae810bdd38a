import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PSwarm

@Suite struct SwarmClosingTests {
    private let net = TestNet()

    @Test func afterDisconnectBothSidesHaveNoPeer() throws {
        let (a, b) = try self.net.twoNodes()
        _ = a.connect(to: b.peer, [.example(2)])
        self.net.advance(.milliseconds(10))

        let done = Outcome(a.swarm.disconnect(b.peer))
        #expect(a.swarm.connections.isEmpty)
        while done.completions == 0 { self.net.advance(.milliseconds(1)) }

        #expect(b.swarm.connections.isEmpty)
        #expect(a.swarm.resources.systemUsage == ResourceUsage())
        #expect(b.swarm.resources.systemUsage == ResourceUsage())
        self.net.tearDown()
    }

    @Test func disconnectWithoutConnectionSucceedsAtOnce() throws {
        let (a, b) = try self.net.twoNodes()

        #expect(Outcome(a.swarm.disconnect(b.peer)).value != nil)
        self.net.tearDown()
    }

    @Test func connectingAgainAfterDisconnectDials() throws {
        let (a, b) = try self.net.twoNodes()
        _ = a.connect(to: b.peer, [.example(2)])
        self.net.advance(.milliseconds(10))

        _ = a.swarm.disconnect(b.peer)
        let again = a.connect(to: b.peer)
        self.net.advance(.seconds(1))

        #expect(again.value?.isOpen == true)
        #expect(a.swarm.connections.count == 1)
        self.net.tearDown()
    }

    @Test func eventsTellOpeningAndClosingOnce() throws {
        let (a, b) = try self.net.twoNodes()
        let log = EventLog(a.swarm.events)
        _ = a.connect(to: b.peer, [.example(2)])
        self.net.advance(.milliseconds(10))
        _ = a.swarm.disconnect(b.peer)
        self.net.advance(.seconds(1))

        #expect(log.entries == ["opened", "closed"])
        self.net.tearDown()
    }

    @Test func closeCompletesEverythingExactlyOnce() throws {
        let (a, b) = try self.net.twoNodes()
        _ = a.connect(to: b.peer, [.example(2)])
        self.net.advance(.milliseconds(10))
        b.swarm.setHandler(for: "/b") { _ in }
        let stranger = try PrivateKey.generate(.ed25519).publicKey.peerID
        a.transport.outcomes[.example(7)] = .silence
        let dialling = (0..<10).map { _ in a.connect(to: stranger, [.example(7)]) }
        let opening = a.open(to: b.peer, ["/b"])
        self.net.loop.run()

        let closed = [Outcome(a.swarm.close()), Outcome(a.swarm.close())]
        self.net.advance(.seconds(1))

        #expect(closed.allSatisfy { $0.completions == 1 && $0.value != nil })
        #expect(dialling.allSatisfy { $0.completions == 1 && $0.error == .networkClosed })
        #expect(opening.completions == 1)
        #expect(a.swarm.listenAddresses.isEmpty)
        #expect(a.swarm.connections.isEmpty && b.swarm.connections.isEmpty)
        #expect(self.net.network.listeners[.example(1)] == nil)
        self.net.advance(.minutes(5))
        #expect(dialling.allSatisfy { $0.completions == 1 })
        self.net.tearDown()
    }

    @Test func peersSeeThatWeShutDown() throws {
        let (a, b) = try self.net.twoNodes()
        _ = a.connect(to: b.peer, [.example(2)])
        self.net.advance(.milliseconds(10))

        _ = b.swarm.close()
        self.net.advance(.milliseconds(10))

        #expect(a.transport.yielded.first?.closeReason == .closedByPeer(.shutdown))
        self.net.tearDown()
    }

    @Test func aClosedSwarmConnectsToNobody() throws {
        let (a, b) = try self.net.twoNodes()
        _ = a.swarm.close()

        #expect(a.connect(to: b.peer, [.example(2)]).error == .networkClosed)
        #expect(a.transport.dialled.isEmpty)
        self.net.tearDown()
    }

    @Test func aConnectionThatComesWhileClosingIsClosed() throws {
        let (a, b) = try self.net.twoNodes()
        _ = a.connect(to: b.peer, [.example(2)])
        self.net.advance(.microseconds(1500))

        _ = a.swarm.close()
        self.net.advance(.seconds(1))

        #expect(a.swarm.connections.isEmpty && b.swarm.connections.isEmpty)
        #expect(a.swarm.resources.systemUsage == ResourceUsage())
        self.net.tearDown()
    }

    @Test func whatCannotBeBoundIsTold() throws {
        let (a, _) = try self.net.twoNodes()

        let outcome = Outcome(a.swarm.listen(on: [.example(2), .example(3), address("/ip4/8.8.8.8/udp/1/quic-v1")]))
        self.net.loop.run()

        #expect(outcome.value?.bound == [.example(3)])
        #expect(outcome.value?.failures.map(\.reason) == ["address already in use", "no transport for protocol"])
        #expect(a.swarm.listenAddresses == [.example(1), .example(3)])
        self.net.tearDown()
    }

    @Test func aListenerMadeElsewhereIsTakenIn() throws {
        let (a, b) = (try self.net.node(), try self.net.node())

        let bound = Outcome(b.swarm.listen { b.transport.listen(.example(5), onConnection: $0) })
        self.net.loop.run()
        let outcome = a.connect(to: b.peer, [.example(5)])
        self.net.advance(.milliseconds(10))

        #expect(bound.value == .example(5))
        #expect(b.swarm.listenAddresses == [.example(5)])
        #expect(outcome.value != nil && b.swarm.connections.count == 1)
        self.net.tearDown()
    }

    @Test func inboundConnectionsBeyondALimitAreClosed() throws {
        var limits = ResourceLimits.unlimited
        limits.system.inboundConnections = 1
        let b = try self.net.node(limits: limits)
        self.net.listen(b, 2)
        let dialers = [try self.net.node(), try self.net.node()]

        for dialer in dialers {
            _ = dialer.connect(to: b.peer, [.example(2)])
            self.net.advance(.milliseconds(10))
        }

        #expect(b.swarm.connections.map(\.remotePeer) == [dialers[0].peer])
        #expect(dialers[1].transport.yielded.first?.closeReason == .closedByPeer(.resourceLimitExceeded))
        self.net.tearDown()
    }

    @Test func blockedPeersAreNotKept() throws {
        let gater = ListGater()
        let b = try self.net.node(gater: gater)
        self.net.listen(b, 2)
        let a = try self.net.node()
        gater.update { $0.deniedPeers.insert(a.peer) }

        _ = a.connect(to: b.peer, [.example(2)])
        self.net.advance(.milliseconds(10))

        #expect(b.swarm.connections.isEmpty)
        #expect(a.transport.yielded.first?.closeReason == .closedByPeer(.gated))
        self.net.tearDown()
    }
}

/// Writes down the coming and going of connections.
private final class EventLog: @unchecked Sendable {
    // Unchecked: used on the one embedded loop of the test only.

    private(set) var entries: [String] = []

    init(_ events: EventBus) {
        _ = events.subscribe { event in
            switch event {
            case .connectionOpened: self.entries.append("opened")
            case .connectionClosed: self.entries.append("closed")
            case .identified, .localStateChanged: break
            }
        }
    }
}
