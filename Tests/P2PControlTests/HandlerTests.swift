import LibP2PCore
import LocalIPC
import Multiformats
import NIOCore
import NIOEmbedded
import SwiftProtobuf
import Testing

@testable import P2PControl

/// Handlers of inbound streams: who may register what, and where streams go.
@Suite struct HandlerTests {
    private struct Pair {
        let caller: ControlHarness
        let handler: ControlHarness

        /// Opens a stream from the caller's side and gives its recorder.
        func call(_ protocolName: String = "/a") throws -> (stream: Stream, recorder: StreamRecorder)? {
            let client = try self.caller.client()
            let before = self.caller.bridge.joined.count
            let peer = self.handler.network.localPeer.bytes
            try client.send {
                $0.type = .streamOpen
                $0.streamOpen.peer = .copying(peer)
                $0.streamOpen.proto = [protocolName]
            }
            guard self.caller.bridge.joined.count > before, let stream = self.caller.bridge.joined.last?.stream else {
                return nil
            }
            let recorder = StreamRecorder()
            stream.delegate = recorder
            self.caller.loop.run()
            return (stream, recorder)
        }
    }

    private static func pair(_ configure: (inout ControlConfiguration) -> Void = { _ in }) throws -> Pair {
        let handler = try ControlHarness(2, configure: configure)
        let pair = Pair(caller: try ControlHarness(1, loop: handler.loop), handler: handler)
        MemoryNetwork.introduce(pair.caller.network, pair.handler.network)
        return pair
    }

    private static func handle(
        _ address: String,
        _ protocols: [String] = ["/a"],
        balanced: Bool? = nil
    ) throws -> (inout ProtoRequest) -> Void {
        let bytes = try Multiaddr(address).bytes
        return {
            $0.type = .streamHandler
            $0.streamHandler.addr = .copying(bytes)
            $0.streamHandler.proto = protocols
            if let balanced { $0.streamHandler.balanced = balanced }
        }
    }

    private static func unhandle(_ address: String, _ protocols: [String] = ["/a"]) throws -> (inout ProtoRequest) ->
        Void
    {
        var inner = ProtoRemoveStreamHandlerRequest()
        inner.addr = .copying(try Multiaddr(address).bytes)
        inner.proto = protocols
        let bytes: [UInt8] = try inner.serializedBytes()
        return {
            $0.type = .removeStreamHandler
            $0.removeStreamHandlerOrPeerstore = .copying(bytes)
        }
    }

    @Test func anInboundStreamIsDeliveredWithItsPrologue() throws {
        let pair = try Self.pair()
        #expect(try pair.handler.client().ask(Self.handle("/unix/tmp/h.sock")).type == .ok)

        _ = try #require(try pair.call())

        let delivered = try #require(pair.handler.bridge.delivered.first)
        #expect(delivered.endpoint == .unix(path: "/tmp/h.sock"))
        #expect(delivered.requiredOwner == 1000)
        #expect(delivered.stream.protocolID == "/a")
        var decoder = FrameDecoder(maximumBytes: 4096)
        decoder.append(delivered.prologue)
        guard case .frame(let frame) = decoder.next() else {
            Issue.record("no prologue")
            return
        }
        let info = try ProtoStreamInfo(serializedBytes: [UInt8](frame.readableBytesView))
        #expect([UInt8](info.peer) == pair.caller.network.localPeer.bytes)
        #expect([UInt8](info.addr) == pair.caller.network.address.bytes)
        #expect(info.proto == "/a")
        #expect(decoder.bufferedBytes == 0)
    }

    @Test func theRegistrationOutlivesItsClient() throws {
        let pair = try Self.pair()
        let client = try pair.handler.client()
        _ = try client.ask(Self.handle("/ip4/127.0.0.1/tcp/9"))

        client.close()

        #expect(try pair.call() != nil)
        #expect(pair.handler.bridge.delivered.first?.endpoint == .tcp(host: "127.0.0.1", port: 9))
    }

    @Test func withoutTheFieldBalancedAHandlerIsReplaced() throws {
        let pair = try Self.pair()
        let client = try pair.handler.client()
        _ = try client.ask(Self.handle("/unix/tmp/1"))

        #expect(try client.ask(Self.handle("/unix/tmp/2")).type == .ok)

        _ = try pair.call()
        _ = try pair.call()
        #expect(pair.handler.bridge.attempts == [.unix(path: "/tmp/2"), .unix(path: "/tmp/2")])
    }

    @Test func withBalancedFalseASecondHandlerIsAnError() throws {
        let client = try Self.pair().handler.client()
        _ = try client.ask(Self.handle("/unix/tmp/1", balanced: false))

        let message = try client.failure(Self.handle("/unix/tmp/2", balanced: false))

        #expect(message == "handler for protocol /a already set")
    }

    @Test func withBalancedTrueHandlersTakeTurns() throws {
        let pair = try Self.pair()
        for path in ["/unix/tmp/1", "/unix/tmp/2"] {
            #expect(try pair.handler.client().ask(Self.handle(path, balanced: true)).type == .ok)
        }

        for _ in 0..<4 { _ = try pair.call() }

        let paths = ["/tmp/1", "/tmp/2", "/tmp/1", "/tmp/2"]
        #expect(pair.handler.bridge.attempts == paths.map { .unix(path: $0) })
    }

    @Test func aDeadHandlerIsDroppedAfterAStreamFailedThereAndTheNextOneTakesIt() throws {
        let pair = try Self.pair()
        for path in ["/unix/tmp/dead", "/unix/tmp/alive"] {
            _ = try pair.handler.client().ask(Self.handle(path, balanced: true))
        }
        let dead = LocalEndpoint.unix(path: "/tmp/dead")
        pair.handler.bridge.failures[dead] = .notListening(dead)

        for _ in 0..<3 { _ = try pair.call() }

        #expect(pair.handler.bridge.attempts.filter { $0 == dead }.count == 1)
        #expect(pair.handler.bridge.delivered.count == 3)
    }

    @Test func withTheLastHandlerDeadTheStreamOpensAndEnds() throws {
        let pair = try Self.pair()
        _ = try pair.handler.client().ask(Self.handle("/unix/tmp/dead"))
        let dead = LocalEndpoint.unix(path: "/tmp/dead")
        pair.handler.bridge.failures[dead] = .notListening(dead)

        let (_, recorder) = try #require(try pair.call())

        #expect(recorder.closeReason == .resetByPeer(.noError))
        #expect(pair.handler.server.handledProtocols.isEmpty)
        #expect(pair.handler.network.protocols.isEmpty)
        #expect(try pair.call() == nil)
    }

    @Test func aHandlerThatIsOnlySlowOrForeignKeepsItsRegistration() throws {
        let pair = try Self.pair()
        _ = try pair.handler.client().ask(Self.handle("/unix/tmp/h"))
        let endpoint = LocalEndpoint.unix(path: "/tmp/h")

        for failure in [LocalIPCError.timedOut(endpoint), .ownerMismatch(endpoint, expected: 1000, actual: 1)] {
            pair.handler.bridge.failures[endpoint] = failure
            let (_, recorder) = try #require(try pair.call())
            #expect(recorder.closeReason == .resetByPeer(.noError))
        }

        #expect(pair.handler.server.handledProtocols == ["/a"])
    }

    @Test func removalsAreExact() throws {
        let pair = try Self.pair()
        let client = try pair.handler.client()
        #expect(try client.failure(Self.unhandle("/unix/tmp/1")) == "handler for protocol /a does not exist")
        _ = try client.ask(Self.handle("/unix/tmp/1", balanced: true))

        #expect(
            try client.failure(Self.unhandle("/unix/tmp/2"))
                == "handler for protocol /a with maddr /unix/tmp/2 does not exist"
        )
        #expect(try client.ask(Self.unhandle("/unix/tmp/1")).type == .ok)

        #expect(pair.handler.network.protocols.isEmpty)
    }

    @Test func handlersBelongToTheirUser() throws {
        let pair = try Self.pair()
        let alice = try pair.handler.client(uid: 1000)
        let bob = try pair.handler.client(uid: 1001)
        let tcp = try pair.handler.client(uid: nil)
        _ = try alice.ask(Self.handle("/unix/tmp/1"))

        for stranger in [bob, tcp] {
            let message = try stranger.failure(Self.handle("/unix/tmp/2"))
            #expect(message.hasPrefix("handler for protocol /a already set by another user"))
            #expect(try stranger.failure(Self.unhandle("/unix/tmp/1")) == "handler for protocol /a does not exist")
        }

        _ = try pair.call()
        #expect(pair.handler.bridge.attempts == [.unix(path: "/tmp/1")])
    }

    @Test(arguments: [(0, nil), (1000, 1000), (nil, 55)] as [(UInt32?, UInt32?)])
    func aPathIsReachedOnlyWhereItsUserListens(_ uid: UInt32?, _ required: UInt32?) throws {
        let pair = try Self.pair { $0.daemonUID = 55 }
        _ = try pair.handler.client(uid: uid).ask(Self.handle("/unix/tmp/h"))

        _ = try pair.call()

        #expect(pair.handler.bridge.delivered.first?.requiredOwner == required)
    }

    @Test(arguments: [
        "/ip4/192.0.2.1/tcp/80", "/ip4/169.254.169.254/tcp/80", "/ip6/2001:db8::1/tcp/80", "/ip4/0.0.0.0/tcp/80",
    ])
    func handlersOutsideThisMachineAreRefused(_ address: String) throws {
        let client = try Self.pair().handler.client()

        let message = try client.failure(Self.handle(address))

        #expect(message == "handler address \(address) is not a loopback address; use a Unix socket or 127.0.0.1")
        let lenient = try Self.pair { $0.allowsRemoteHandlers = true }.handler.client()
        #expect(try lenient.ask(Self.handle(address)).type == .ok)
    }

    @Test(arguments: [
        "/ip4/127.0.0.1/udp/80", "/dns4/example.org/tcp/80", "/ip4/127.0.0.1", "/ip4/127.0.0.1/tcp/0",
        "/unix/" + String(repeating: "x", count: 120),
    ])
    func addressesNobodyCanListenAtAreRefused(_ address: String) throws {
        let answer = try Self.pair().handler.client().ask(Self.handle(address))

        #expect(answer.type == .error)
    }

    @Test func localhostAndIPv6LoopbackAreLocal() throws {
        #expect(
            try HandlerAddress(Multiaddr("/dns4/localhost/tcp/80")).endpoint == .tcp(host: "127.0.0.1", port: 80)
        )
        #expect(try HandlerAddress(Multiaddr("/ip6/::1/tcp/80")).isLocal)
        #expect(try HandlerAddress(Multiaddr("/unix//tmp/x")).endpoint == .unix(path: "//tmp/x"))
    }

    @Test func whatTheDaemonServesItselfCannotBeTakenSaveEcho() throws {
        let pair = try Self.pair()
        let client = try pair.handler.client()
        pair.handler.network.setHandler(for: "/ipfs/id/1.0.0") { _ in }
        pair.handler.network.setHandler(for: "/echo/1.0.0") { _ in }

        #expect(
            try client.failure(Self.handle("/unix/tmp/h", ["/ipfs/id/1.0.0"]))
                == "protocol /ipfs/id/1.0.0 is served by the daemon itself"
        )
        #expect(try client.ask(Self.handle("/unix/tmp/h", ["/echo/1.0.0"])).type == .ok)
        #expect(try client.ask(Self.handle("/unix/tmp/h2", ["/echo/1.0.0"])).type == .ok)
    }

    @Test func anEmptyListOfProtocolsIsDone() throws {
        let client = try Self.pair().handler.client()

        #expect(try client.ask(Self.handle("/unix/tmp/h", [])).type == .ok)
    }
}
