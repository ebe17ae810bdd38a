import LibP2PCore
import Multiformats
import NIOCore
import Testing

@testable import LibP2PSwarm

@Suite struct SimultaneousConnectTests {
    private let net = TestNet()

    /// Microseconds by which the larger peer dials later than the smaller.
    @Test(arguments: [-2500, -1500, -500, 0, 500, 1500, 2500] as [Int64])
    func bothSidesKeepTheConnectionOfTheSmallerPeer(_ lead: Int64) throws {
        let (smaller, larger) = try self.net.twoNodes()
        let (first, second) = lead >= 0 ? (smaller, larger) : (larger, smaller)

        let outcomes = [first.connect(to: second.peer, [.example(lead >= 0 ? 2 : 1)])]
        self.net.advance(.microseconds(abs(lead)))
        let later = second.connect(to: first.peer, [.example(lead >= 0 ? 1 : 2)])
        self.net.advance(.seconds(5))

        #expect((outcomes + [later]).allSatisfy { $0.completions == 1 && $0.value != nil })
        #expect(smaller.swarm.connections.count == 1)
        #expect(larger.swarm.connections.count == 1)
        let both = smaller.transport.dialled.count + larger.transport.dialled.count == 2
        if both {
            #expect(smaller.swarm.connections.map(\.direction) == [.outbound])
            #expect(larger.swarm.connections.map(\.direction) == [.inbound])
        }
        self.net.tearDown()
    }

    @Test func aStreamOnTheLosingConnectionIsNotLost() throws {
        let (smaller, larger) = try self.net.twoNodes()
        let inbound = Recorder()
        smaller.swarm.setHandler(for: "/echo") { $0.delegate = inbound }
        // The larger peer's connection is first and loses.
        let losing = larger.connect(to: smaller.peer, [.example(1)])
        let winning = smaller.connect(to: larger.peer, [.example(2)])
        self.net.advance(.microseconds(2200))
        let connection = try #require(losing.value)
        #expect(connection.direction == .outbound)
        let opened = Outcome(connection.openStream(["/echo"], timeout: .seconds(10)))
        self.net.advance(.seconds(10))

        let stream = try #require(opened.value)
        #expect(connection.isOpen)
        #expect(larger.swarm.connections.count == 2)
        stream.write(ByteBuffer(string: "late words"))
        self.net.advance(.seconds(1))
        #expect(inbound.received == "late words")
        stream.reset(.noError)
        self.net.advance(.seconds(1))

        #expect(winning.value != nil)
        #expect(!connection.isOpen)
        #expect(larger.swarm.connections.count == 1)
        #expect(smaller.swarm.connections.count == 1)
        self.net.tearDown()
    }

    @Test func newStreamsGoToTheConnectionThatStays() throws {
        let (smaller, larger) = try self.net.twoNodes()
        smaller.swarm.setHandler(for: "/echo") { $0.delegate = Recorder() }
        _ = larger.connect(to: smaller.peer, [.example(1)])
        _ = smaller.connect(to: larger.peer, [.example(2)])
        self.net.advance(.milliseconds(4))
        #expect(larger.swarm.connections.count == 2)

        let stream = larger.open(to: smaller.peer, ["/echo"])
        self.net.advance(.milliseconds(20))

        #expect(stream.value?.connection.direction == .inbound)
        self.net.tearDown()
    }

    @Test func theLosingConnectionStaysWhenTheOtherOneBreaks() throws {
        let (smaller, larger) = try self.net.twoNodes()
        _ = larger.connect(to: smaller.peer, [.example(1)])
        _ = smaller.connect(to: larger.peer, [.example(2)])
        self.net.advance(.milliseconds(4))

        smaller.transport.yielded.first?.end(.transportFailed("broken"))
        smaller.transport.yielded.first?.partner?.end(.transportFailed("broken"))
        self.net.advance(.seconds(10))

        #expect(larger.swarm.connections.map(\.direction) == [.outbound])
        #expect(smaller.swarm.connections.map(\.direction) == [.inbound])
        self.net.tearDown()
    }

    @Test func callersAreServedByTheConnectionThatThePeerMade() throws {
        let (smaller, larger) = try self.net.twoNodes()
        smaller.transport.outcomes[.example(2)] = .silence
        let waiting = smaller.connect(to: larger.peer, [.example(2)])

        _ = larger.connect(to: smaller.peer, [.example(1)])
        self.net.advance(.milliseconds(10))

        #expect(waiting.value?.direction == .inbound)
        self.net.tearDown()
    }
}
