import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PSwarm

@Suite struct SwarmConnectingTests {
    private let net = TestNet()

    @Test func aListeningPeerIsReached() throws {
        let (a, b) = try self.net.twoNodes()

        let outcome = a.connect(to: b.peer, [.example(2)])
        self.net.advance(.milliseconds(10))

        #expect(outcome.value?.remotePeer == b.peer)
        #expect(a.swarm.connections.map(\.remoteAddress) == [.example(2)])
        #expect(b.swarm.connections.map(\.direction) == [.inbound])
        self.net.tearDown()
    }

    @Test func aThousandCallersShareOneDial() throws {
        let (a, b) = try self.net.twoNodes()

        let outcomes = (0..<1000).map { _ in a.connect(to: b.peer, [.example(2)]) }
        self.net.advance(.milliseconds(10))

        #expect(a.transport.dialled.count == 1)
        #expect(outcomes.allSatisfy { $0.completions == 1 && $0.value != nil })
        #expect(b.swarm.connections.count == 1)
        self.net.tearDown()
    }

    @Test func anOpenConnectionIsGivenWithoutDialing() throws {
        let (a, b) = try self.net.twoNodes()
        let first = a.connect(to: b.peer, [.example(2)])
        self.net.advance(.milliseconds(10))

        let second = a.connect(to: b.peer, [.example(77)])
        self.net.advance(.milliseconds(10))

        #expect(second.value?.id == first.value?.id)
        #expect(a.transport.dialled.count == 1)
        self.net.tearDown()
    }

    @Test func eachCallerHasItsOwnTimeout() throws {
        let (a, b) = try self.net.twoNodes()
        a.transport.outcomes[.example(2)] = .stranger(b.transport.key, after: .seconds(3))

        let hasty = a.connect(to: b.peer, [.example(2)], timeout: .seconds(1))
        let patient = a.connect(to: b.peer, timeout: .seconds(10))
        self.net.advance(.seconds(1))
        #expect(hasty.error == .timedOut)
        #expect(patient.completions == 0)
        self.net.advance(.seconds(3))

        #expect(patient.value?.remotePeer == b.peer)
        #expect(hasty.completions == 1)
        self.net.tearDown()
    }

    @Test func aConnectionNobodyWaitsForIsClosed() throws {
        let (a, b) = try self.net.twoNodes()
        a.transport.outcomes[.example(2)] = .stranger(b.transport.key, after: .seconds(3))

        let outcome = a.connect(to: b.peer, [.example(2)], timeout: .seconds(1))
        self.net.advance(.seconds(5))

        #expect(outcome.error == .timedOut)
        #expect(a.swarm.connections.isEmpty)
        #expect(a.transport.yielded.map(\.closeReason) == [.closedLocally(.supplanted)])
        self.net.tearDown()
    }

    @Test func ourselvesAreNotDialled() throws {
        let a = try self.net.node()

        let outcome = a.connect(to: a.peer, [.example(9)])

        #expect(outcome.error?.description == "failed to dial: dial to self attempted")
        self.net.tearDown()
    }

    @Test func ourOwnAddressIsNotDialledForAnother() throws {
        let (a, b) = try self.net.twoNodes()

        let outcome = a.connect(to: b.peer, [.example(1)])
        self.net.loop.run()

        #expect(
            outcome.error?.description
                == "failed to dial: failed to dial \(b.peer): no good addresses\n  * [/ip4/8.8.8.8/tcp/1] dial to self attempted"
        )
        self.net.tearDown()
    }

    @Test func withoutAddressesTheDialFails() throws {
        let (a, b) = try self.net.twoNodes()

        let outcome = a.connect(to: b.peer)
        self.net.loop.run()

        #expect(outcome.error?.description == "failed to dial: failed to dial \(b.peer): no addresses")
        self.net.tearDown()
    }

    @Test func everyFailureIsTold() throws {
        let (a, b) = try self.net.twoNodes()

        let outcome = a.connect(to: b.peer, [.example(7), .example(8)])
        self.net.advance(.seconds(1))

        #expect(
            outcome.error?.description == """
                failed to dial: failed to dial \(b.peer): all dials failed
                  * [/ip4/8.8.8.8/tcp/7] connection refused
                  * [/ip4/8.8.8.8/tcp/8] connection refused
                """
        )
        self.net.tearDown()
    }

    @Test func anAddressOfAnotherPeerIsRefused() throws {
        let (a, b) = try self.net.twoNodes()
        let c = try self.net.node()

        let outcome = a.connect(to: b.peer, [Multiaddr.example(2).withPeerID(c.peer)])
        self.net.advance(.seconds(1))

        #expect(a.transport.dialled.isEmpty)
        guard case .noGoodAddresses(_, let failures)? = outcome.error else {
            Issue.record("\(String(describing: outcome.result))")
            return
        }
        #expect(failures.map(\.reason) == ["address belongs to another peer"])
        self.net.tearDown()
    }

    @Test func anAddressThatNamesThePeerIsDialled() throws {
        let (a, b) = try self.net.twoNodes()

        let outcome = a.connect(to: b.peer, [Multiaddr.example(2).withPeerID(b.peer)])
        self.net.advance(.milliseconds(10))

        #expect(outcome.value?.remoteAddress == .example(2))
        self.net.tearDown()
    }

    @Test func aPeerWithAnotherIdentityIsRefused() throws {
        let (a, b) = try self.net.twoNodes()
        let c = try self.net.node()
        a.transport.outcomes[.example(9)] = .stranger(c.transport.key, after: .milliseconds(1))

        let outcome = a.connect(to: b.peer, [.example(9)])
        self.net.advance(.seconds(1))

        #expect(outcome.error?.description.contains("peer id mismatch") == true)
        #expect(a.swarm.connections.isEmpty)
        self.net.tearDown()
    }

    @Test func namesAreResolvedAndThoseOfOtherPeersLeftOut() throws {
        let name = address("/dnsaddr/boot.example.org")
        let other = try self.net.node()
        let b = try self.net.node()
        self.net.listen(b, 2)
        var resolver = FakeResolver()
        resolver.names[name] = [
            Multiaddr.example(3).withPeerID(other.peer), Multiaddr.example(2).withPeerID(b.peer),
        ]
        let a = try self.net.node(resolver: resolver)

        let outcome = a.connect(to: b.peer, [name])
        self.net.advance(.milliseconds(10))

        #expect(outcome.value?.remoteAddress == .example(2))
        #expect(a.transport.dialled.map(\.address) == ["/ip4/8.8.8.8/tcp/2"])
        self.net.tearDown()
    }

    @Test func aFailedAddressIsBackedOffUnlessItIsGiven() throws {
        let (a, b) = try self.net.twoNodes()
        _ = a.connect(to: b.peer, [.example(7)])
        self.net.advance(.seconds(1))
        #expect(a.transport.dialled.count == 1)

        let implicit = a.connect(to: b.peer)
        self.net.advance(.seconds(1))
        #expect(implicit.error?.description.hasSuffix("[/ip4/8.8.8.8/tcp/7] dial backoff") == true)
        #expect(a.transport.dialled.count == 1)

        let explicit = a.connect(to: b.peer, [.example(7)])
        self.net.advance(.seconds(1))
        #expect(explicit.error?.description.hasSuffix("connection refused") == true)
        #expect(a.transport.dialled.count == 2)
        self.net.tearDown()
    }

    @Test func backoffEnds() throws {
        let (a, b) = try self.net.twoNodes()
        _ = a.connect(to: b.peer, [.example(7)])
        self.net.advance(.seconds(6))

        _ = a.connect(to: b.peer)
        self.net.advance(.seconds(1))

        #expect(a.transport.dialled.count == 2)
        self.net.tearDown()
    }

    @Test func attemptsOverAllPeersAreBounded() throws {
        let a = try self.net.node { $0.concurrentDials = 3 }
        var outcomes: [Outcome<any Connection>] = []
        for port in UInt16(1)...10 {
            let target = Multiaddr.example(port)
            a.transport.outcomes[target] = .failure("no", after: .seconds(1))
            outcomes.append(a.connect(to: try PrivateKey.generate(.ed25519).publicKey.peerID, [target]))
        }

        self.net.advance(.seconds(10))

        #expect(a.transport.mostRunning == 3)
        #expect(a.transport.dialled.count == 10)
        #expect(outcomes.allSatisfy { $0.completions == 1 && $0.error != nil })
        self.net.tearDown()
    }

    @Test func callersBeyondTheLimitAreRefused() throws {
        let a = try self.net.node { $0.maximumWaiters = 2 }
        let peer = try PrivateKey.generate(.ed25519).publicKey.peerID
        a.transport.outcomes[.example(1)] = .silence

        let outcomes = (0..<3).map { _ in a.connect(to: peer, [.example(1)]) }

        #expect(outcomes[0].completions == 0 && outcomes[1].completions == 0)
        guard case .limitExceeded? = outcomes[2].error else {
            Issue.record("\(String(describing: outcomes[2].result))")
            return
        }
        self.net.advance(.seconds(60))
        #expect(a.connect(to: peer, [.example(1)]).completions == 0)
        self.net.tearDown()
    }

    @Test func aLateSecondConnectionIsClosed() throws {
        let (a, b) = try self.net.twoNodes()
        a.transport.outcomes[.example(7)] = .stranger(b.transport.key, after: .milliseconds(400))
        a.transport.outcomes[.example(8)] = .stranger(b.transport.key, after: .milliseconds(10))

        let outcome = a.connect(to: b.peer, [.example(7), .example(8)])
        self.net.advance(.seconds(1))

        #expect(outcome.value?.remoteAddress == .example(8))
        #expect(a.swarm.connections.count == 1)
        #expect(a.transport.yielded.map(\.closeReason) == [nil, .closedLocally(.supplanted)])
        self.net.tearDown()
    }

    @Test func addressesOfPeersWereConnectedAreRememberedForAWhile() throws {
        let (a, b) = try self.net.twoNodes()
        _ = a.connect(to: b.peer, [.example(2)])
        self.net.advance(.hours(2))
        #expect(a.store.addresses(of: b.peer, now: self.net.loop.now) == [.example(2)])

        _ = a.swarm.disconnect(b.peer)
        self.net.advance(.minutes(14))
        #expect(a.store.addresses(of: b.peer, now: self.net.loop.now) == [.example(2)])
        self.net.advance(.minutes(2))

        #expect(a.store.addresses(of: b.peer, now: self.net.loop.now).isEmpty)
        self.net.tearDown()
    }

    @Test func outboundLimitsAreToldAndNothingIsDialled() throws {
        var limits = ResourceLimits.unlimited
        limits.system.outboundConnections = 0
        let a = try self.net.node(limits: limits)
        let peer = try PrivateKey.generate(.ed25519).publicKey.peerID

        let outcome = a.connect(to: peer, [.example(1)])
        self.net.advance(.seconds(1))

        #expect(outcome.error?.description.hasSuffix("system: more than 0 outbound connections") == true)
        #expect(a.transport.dialled.isEmpty)
        self.net.tearDown()
    }

    @Test func blockedPeersAreNotDialled() throws {
        let gater = ListGater()
        let a = try self.net.node(gater: gater)
        let peer = try PrivateKey.generate(.ed25519).publicKey.peerID
        gater.update { $0.deniedPeers.insert(peer) }

        #expect(a.connect(to: peer, [.example(1)]).error == .gated(peer))
        self.net.tearDown()
    }
}
