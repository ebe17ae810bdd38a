import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PSwarm

@Suite struct SwarmStreamTests {
    private let net = TestNet()

    private func connected(
        limits: ResourceLimits = .unlimited
    ) throws -> (dialer: TestNode, listener: TestNode) {
        let (dialer, listener) = (try self.net.node(limits: limits), try self.net.node(limits: limits))
        self.net.listen(listener, 2)
        _ = dialer.connect(to: listener.peer, [.example(2)])
        self.net.advance(.milliseconds(10))
        return (dialer, listener)
    }

    @Test func aStreamReachesItsHandler() throws {
        let (dialer, listener) = try self.connected()
        let recorder = Recorder()
        let taken = Outcome(self.net.loop.makeSucceededVoidFuture())
        listener.swarm.setHandler(for: "/chat") { stream in
            stream.delegate = recorder
            stream.write(ByteBuffer(string: "welcome \(stream.protocolID)"))
        }

        let opened = dialer.open(to: listener.peer, ["/chat"])
        self.net.advance(.milliseconds(20))
        let answer = Recorder()
        let stream = try #require(opened.value)
        stream.delegate = answer
        stream.write(ByteBuffer(string: "hello"))
        self.net.advance(.milliseconds(20))

        #expect(taken.completions == 1)
        #expect(stream.protocolID == "/chat")
        #expect(recorder.received == "hello")
        #expect(answer.received == "welcome /chat")
        self.net.tearDown()
    }

    @Test func aProtocolWithoutHandlerIsRefusedInWords() throws {
        let (dialer, listener) = try self.connected()

        let opened = dialer.open(to: listener.peer, ["/nope"])
        self.net.advance(.milliseconds(20))

        #expect(opened.error?.description == "failed to negotiate protocol: protocols not supported: [/nope]")
        self.net.tearDown()
    }

    @Test func thePeersFirstSupportedProtocolIsTaken() throws {
        let (dialer, listener) = try self.connected()
        listener.swarm.setHandler(for: "/b") { _ in }
        listener.swarm.setHandler(for: "/c") { _ in }

        let opened = dialer.open(to: listener.peer, ["/a", "/b", "/c"])
        self.net.advance(.milliseconds(20))

        #expect(opened.value?.protocolID == "/b")
        self.net.tearDown()
    }

    @Test func aKnownProtocolNeedsNoRoundTrip() throws {
        let (dialer, listener) = try self.connected()
        let recorder = Recorder()
        listener.swarm.setHandler(for: "/b") { $0.delegate = recorder }
        dialer.store.setProtocols(["/b"], of: listener.peer)

        let opened = dialer.open(to: listener.peer, ["/a", "/b"])
        self.net.loop.run()
        #expect(opened.value?.protocolID == "/b")
        opened.value?.write(ByteBuffer(string: "first flight"))
        self.net.advance(.milliseconds(1))

        #expect(recorder.received == "first flight")
        self.net.tearDown()
    }

    @Test func anEmptyListIsAnError() throws {
        let (dialer, listener) = try self.connected()

        let opened = dialer.open(to: listener.peer, [])

        #expect(opened.error?.description == "failed to negotiate protocol: no protocols specified")
        self.net.tearDown()
    }

    @Test func openingAStreamDials() throws {
        let (a, b) = try self.net.twoNodes()
        b.swarm.setHandler(for: "/b") { _ in }
        a.store.addAddresses([.example(2)], of: b.peer, lifetime: .standard, now: self.net.loop.now)

        let opened = a.open(to: b.peer, ["/b"])
        self.net.advance(.milliseconds(20))

        #expect(opened.value?.connection.remotePeer == b.peer)
        self.net.tearDown()
    }

    @Test func aPeerThatNeverNegotiatesIsCutOffAfterTenSeconds() throws {
        let (dialer, listener) = try self.connected()
        let muxed = try #require(dialer.transport.yielded.first)
        let stream = try #require(try muxed.openStream() as? FakeStream)
        self.net.advance(.milliseconds(9_990))
        #expect(stream.endReason == nil)

        self.net.advance(.milliseconds(20))

        #expect(stream.endReason != nil)
        #expect(listener.swarm.resources.systemUsage.inboundStreams == 0)
        self.net.tearDown()
    }

    @Test func aPeerThatOnlyOpensAndResetsIsDisconnected() throws {
        let (dialer, listener) = try self.connected()
        let muxed = try #require(dialer.transport.yielded.first)

        for _ in 0..<600 {
            guard let stream = try? muxed.openStream() else { break }
            self.net.advance(.milliseconds(1))
            stream.reset(.noError)
        }
        self.net.advance(.seconds(1))

        #expect(listener.swarm.connections.isEmpty)
        #expect(muxed.closeReason == .closedByPeer(.rateLimited))
        self.net.tearDown()
    }

    @Test(arguments: [1, 2, 3])
    func streamsOfOnePeerAreBounded(_ opened: Int) throws {
        var limits = ResourceLimits.unlimited
        limits.peer.inboundStreams = 2
        let (dialer, listener) = try self.connected(limits: limits)
        listener.swarm.setHandler(for: "/b") { _ in }

        let outcomes = (0..<opened).map { _ in dialer.open(to: listener.peer, ["/b"]) }
        self.net.advance(.milliseconds(20))

        #expect(outcomes.filter { $0.value != nil }.count == min(opened, 2))
        #expect(listener.swarm.resources.usage(of: dialer.peer).inboundStreams == min(opened, 2))
        #expect(outcomes.allSatisfy { $0.completions == 1 })
        self.net.tearDown()
    }

    @Test func aStreamCountsUntilItEnds() throws {
        let (dialer, listener) = try self.connected()
        listener.swarm.setHandler(for: "/b") { $0.delegate = Recorder() }
        let opened = dialer.open(to: listener.peer, ["/b"])
        self.net.advance(.milliseconds(20))
        #expect(dialer.swarm.resources.usage(of: "/b").outboundStreams == 1)
        #expect(listener.swarm.resources.usage(of: "/b").inboundStreams == 1)

        opened.value?.reset(.noError)
        self.net.advance(.milliseconds(20))

        #expect(dialer.swarm.resources.systemUsage.streams == 0)
        #expect(listener.swarm.resources.systemUsage.streams == 0)
        #expect(listener.swarm.resources.usage(of: "/b").streams == 0)
        self.net.tearDown()
    }

    @Test func aFullAcknowledgementBacklogIsWaitedFor() throws {
        let (dialer, listener) = try self.connected()
        listener.swarm.setHandler(for: "/b") { _ in }
        let connection = try #require(dialer.swarm.connections.first as? SwarmConnection)
        let muxed = try #require(connection.muxed as? FakeConnection)
        muxed.backlogRefusals = 3

        let opened = Outcome(connection.openStream(["/b"], timeout: .seconds(1)))
        #expect(opened.value == nil && opened.error == nil)
        self.net.advance(.milliseconds(100))

        #expect(opened.value?.protocolID == "/b")
        self.net.tearDown()
    }

    @Test func aBacklogThatStaysFullIsALimitInTheEnd() throws {
        let (dialer, _) = try self.connected()
        let connection = try #require(dialer.swarm.connections.first as? SwarmConnection)
        let muxed = try #require(connection.muxed as? FakeConnection)
        muxed.backlogRefusals = .max

        let opened = Outcome(connection.openStream(["/b"], timeout: .seconds(1)))
        self.net.advance(.seconds(1))

        #expect(opened.error == .limitExceeded("connection: too many streams the peer has not acknowledged"))
        #expect(dialer.swarm.resources.systemUsage.streams == 0)
        self.net.tearDown()
    }

    @Test func aClosedConnectionOpensNoStreams() throws {
        let (dialer, listener) = try self.connected()
        let connection = try #require(dialer.swarm.connections.first)
        _ = connection.close(.noError)

        let opened = Outcome(connection.openStream(["/b"], timeout: .seconds(1)))
        self.net.advance(.seconds(1))

        #expect(opened.error == .connectionClosed)
        #expect(listener.swarm.connections.isEmpty)
        self.net.tearDown()
    }
}
