import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import SwiftProtobuf
import Testing

@testable import P2PControl

/// Unary calls between two daemons, and between a daemon and a peer that speaks the wire by hand.
@Suite struct UnaryTests {
    private struct Pair {
        let caller: ControlHarness
        let handler: ControlHarness

        var peer: [UInt8] { self.handler.network.localPeer.bytes }

        /// A peer without a daemon of ours opens the stream of a call.
        func openRaw(_ protocolID: ProtocolID = "rpc") throws -> (stream: Stream, recorder: StreamRecorder) {
            let stream = try self.caller.network
                .openStream(to: self.handler.network.localPeer, protocols: [protocolID], timeout: .seconds(1)).wait()
            let recorder = StreamRecorder()
            stream.delegate = recorder
            return (stream, recorder)
        }
    }

    private static func pair(_ configure: (inout ControlConfiguration) -> Void = { _ in }) throws -> Pair {
        let caller = try ControlHarness(1, configure: configure)
        let pair = Pair(caller: caller, handler: try ControlHarness(2, loop: caller.loop, configure: configure))
        MemoryNetwork.introduce(pair.caller.network, pair.handler.network)
        return pair
    }

    private static func handlerClient(
        _ pair: Pair,
        _ name: String = "rpc",
        balanced: Bool = false
    ) throws -> HarnessClient {
        let client = try pair.handler.persistentClient()
        try client.call(0) {
            $0.addUnaryHandler.proto = name
            $0.addUnaryHandler.balanced = balanced
        }
        let done = try client.event()
        #expect(done.message == nil && [UInt8](done.callID) == [UInt8](repeating: 0, count: 16))
        return client
    }

    private static func call(_ client: HarnessClient, _ id: UInt8, _ pair: Pair, _ name: String = "rpc") throws {
        try client.call(id) {
            $0.callUnary.peer = .copying(pair.peer)
            $0.callUnary.proto = name
            $0.callUnary.data = .copying([1, 2, 3])
        }
    }

    private static func answer(
        _ client: HarnessClient,
        _ request: ProtoPersistentConnectionResponse,
        _ bytes: [UInt8]
    ) throws {
        var answer = ProtoPersistentConnectionRequest()
        answer.callID = request.callID
        answer.unaryResponse.response = .copying(bytes)
        try client.send(HarnessClient.frame(answer))
    }

    @Test func aCallIsAnswered() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let caller = try pair.caller.persistentClient()

        try Self.call(caller, 7, pair)
        let request = try handler.event()
        try Self.answer(handler, request, [9])
        let answer = try caller.event()

        #expect([UInt8](request.requestHandling.peer) == pair.caller.network.localPeer.bytes)
        #expect(request.requestHandling.proto == "rpc")
        #expect([UInt8](request.requestHandling.data) == [1, 2, 3])
        #expect([UInt8](answer.callID) == [UInt8](repeating: 7, count: 16))
        #expect(answer.callUnaryResponse.result == .response(.copying([9])))
        #expect(try caller.next(ProtoPersistentConnectionResponse.self) == nil)
    }

    @Test func aHandlersErrorReachesTheCaller() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let caller = try pair.caller.persistentClient()

        try Self.call(caller, 7, pair)
        var answer = ProtoPersistentConnectionRequest()
        answer.callID = try handler.event().callID
        answer.unaryResponse.error = .copying(Array("ValueError".utf8))
        try handler.send(HarnessClient.frame(answer))

        #expect(try caller.event().callUnaryResponse.result == .error(.copying(Array("ValueError".utf8))))
    }

    @Test func callsAreAnsweredInAnyOrder() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let caller = try pair.caller.persistentClient()

        try Self.call(caller, 1, pair)
        try Self.call(caller, 2, pair)
        let (first, second) = (try handler.event(), try handler.event())
        try Self.answer(handler, second, [2])
        try Self.answer(handler, first, [1])

        #expect(try caller.event().callUnaryResponse.result == .response(.copying([2])))
        #expect(try caller.event().callUnaryResponse.result == .response(.copying([1])))
    }

    @Test func equalIDsOfTwoCallersDoNotMeet() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let one = try pair.caller.persistentClient()
        let other = try pair.caller.persistentClient()

        try Self.call(one, 5, pair)
        try Self.call(other, 5, pair)
        let (first, second) = (try handler.event(), try handler.event())
        #expect(first.callID != second.callID)
        try Self.answer(handler, first, [1])
        try Self.answer(handler, second, [2])

        #expect(try one.event().callUnaryResponse.result == .response(.copying([1])))
        #expect(try other.event().callUnaryResponse.result == .response(.copying([2])))
    }

    @Test func callsThatCannotBeMadeAreErrorsOfTheDaemon() throws {
        let pair = try Self.pair()
        let caller = try pair.caller.persistentClient()

        try Self.call(caller, 1, pair, "nou")
        #expect(
            try caller.event().daemonError.message
                == "failed to negotiate protocol: protocols not supported: [nou]"
        )
        try caller.call(2) {
            $0.callUnary.peer = .copying(pair.caller.network.localPeer.bytes)
            $0.callUnary.proto = "rpc"
        }
        #expect(try caller.event().daemonError.message == "failed to dial: dial to self attempted")
        try caller.call(3) { $0.callUnary.proto = "rpc" }
        #expect(try caller.event().daemonError.message == "multihash too short. must be >= 2 bytes")
    }

    @Test func requestsWithoutAnIDOrAMessageAreNotAnswered() throws {
        let client = try Self.pair().caller.persistentClient()
        var short = ProtoPersistentConnectionRequest()
        short.callID = .copying([1, 2, 3])
        short.addUnaryHandler.proto = "rpc"

        try client.send(HarnessClient.frame(short))
        try client.call(1) { _ in }

        #expect(try client.next(ProtoPersistentConnectionResponse.self) == nil)
        #expect(client.isOpen)
    }

    @Test func handlersAreAddedAndRemovedByTheirConnection() throws {
        let pair = try Self.pair()
        let one = try Self.handlerClient(pair)
        let other = try pair.handler.persistentClient()

        for client in [one, other] {
            try client.call(1) {
                $0.addUnaryHandler.proto = "rpc"
                $0.addUnaryHandler.balanced = false
            }
            #expect(try client.event().daemonError.message == "handler for protocol rpc already set")
        }
        try other.call(2) { $0.removeUnaryHandler.proto = "rpc" }
        #expect(
            try other.event().daemonError.message
                == "handler for protocol rpc was not created in this persistent connection"
        )
        try one.call(3) { $0.removeUnaryHandler.proto = "nope" }
        #expect(try one.event().daemonError.message == "handler for protocol nope does not exist")
        try one.call(4) { $0.removeUnaryHandler.proto = "rpc" }
        #expect(try one.event().message == nil)
        #expect(pair.handler.network.protocols.isEmpty)
    }

    @Test func balancedHandlersTakeTurns() throws {
        let pair = try Self.pair()
        let one = try Self.handlerClient(pair, balanced: true)
        let other = try Self.handlerClient(pair, balanced: true)
        let caller = try pair.caller.persistentClient()

        for id in 1...4 { try Self.call(caller, UInt8(id), pair) }

        for client in [one, other, one, other] {
            #expect(try client.event().hasRequestHandling)
        }
    }

    @Test func streamAndUnaryHandlersDoNotShadowEachOther() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)

        let message = try pair.handler.client().failure {
            $0.type = .streamHandler
            $0.streamHandler.addr = .copying([0x04, 127, 0, 0, 1, 0x06, 0, 80])
            $0.streamHandler.proto = ["rpc"]
        }

        #expect(message == "handler for protocol rpc already set")
        #expect(handler.isOpen)
    }

    @Test func aCancelEndsTheCallOnBothSides() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let caller = try pair.caller.persistentClient()
        try Self.call(caller, 7, pair)
        let request = try handler.event()

        try caller.call(7) { $0.cancel = ProtoCancel() }

        let cancelled = try caller.event()
        #expect(cancelled.message == .cancel(ProtoCancel()))
        #expect([UInt8](cancelled.callID) == [UInt8](repeating: 7, count: 16))
        let withdrawn = try handler.event()
        #expect(withdrawn.message == .cancel(ProtoCancel()) && withdrawn.callID == request.callID)
        try Self.answer(handler, request, [1])
        #expect(try caller.next(ProtoPersistentConnectionResponse.self) == nil)
    }

    @Test func aCancelRightBehindItsCallCancelsIt() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let caller = try pair.caller.persistentClient()
        pair.caller.network.isHolding = true
        try Self.call(caller, 7, pair)
        try caller.call(7) { $0.cancel = ProtoCancel() }

        pair.caller.network.release()
        pair.caller.loop.run()

        #expect(try caller.event().message == .cancel(ProtoCancel()))
        #expect(try handler.next(ProtoPersistentConnectionResponse.self) == nil)
    }

    @Test func anIDIsFreeAgainAfterItsCancel() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let caller = try pair.caller.persistentClient()
        try Self.call(caller, 7, pair)
        try caller.call(7) { $0.cancel = ProtoCancel() }
        try Self.call(caller, 7, pair)
        _ = try (handler.event(), handler.event())

        try Self.answer(handler, handler.event(), [2])

        #expect(try caller.event().message == .cancel(ProtoCancel()))
        #expect(try caller.event().callUnaryResponse.result == .response(.copying([2])))
    }

    @Test func aCancelOfAStrangersCallDoesNothing() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let caller = try pair.caller.persistentClient()
        let stranger = try pair.caller.persistentClient()
        try Self.call(caller, 7, pair)

        try stranger.call(7) { $0.cancel = ProtoCancel() }
        try Self.answer(handler, handler.event(), [1])

        #expect(try stranger.next(ProtoPersistentConnectionResponse.self) == nil)
        #expect(try caller.event().callUnaryResponse.result == .response(.copying([1])))
    }

    @Test func callersAreNotLeftWaitingWhenTheHandlersClientGoes() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let caller = try pair.caller.persistentClient()
        try Self.call(caller, 7, pair)

        handler.close()
        pair.caller.loop.run()

        #expect(try caller.event().callUnaryResponse.result == .error(.copying(Array("the handler has gone".utf8))))
        #expect(pair.handler.network.protocols.isEmpty)
        #expect(pair.handler.persistentCounts.all == [1, 0])
    }

    @Test func whenTheCallersClientGoesTheHandlerIsTold() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let caller = try pair.caller.persistentClient()
        try Self.call(caller, 7, pair)
        _ = try handler.event()

        caller.shutDownWrite()
        pair.caller.loop.run()

        #expect(!caller.isOpen)
        #expect(try handler.event().message == .cancel(ProtoCancel()))
    }

    @Test func aCallThatIsNotAnsweredTimesOut() throws {
        let pair = try Self.pair { $0.unaryTimeout = .seconds(100) }
        let handler = try Self.handlerClient(pair)
        let caller = try pair.caller.persistentClient()
        try Self.call(caller, 7, pair)
        _ = try handler.event()

        pair.caller.loop.advanceTime(by: .seconds(100))

        #expect(try caller.event().daemonError.message == "context deadline exceeded")
        #expect(try handler.event().message == .cancel(ProtoCancel()))
    }

    @Test func onTheWireBothDirectionsAreRequests() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let (stream, recorder) = try pair.openRaw()
        var request = ProtoPersistentConnectionRequest()
        request.callID = .copying([UInt8](repeating: 3, count: 16))
        request.callUnary.peer = .copying([1])
        request.callUnary.proto = "another"
        request.callUnary.data = .copying([4])
        stream.write(try HarnessClient.frame(request))
        pair.caller.loop.run()

        let handling = try handler.event()
        #expect([UInt8](handling.requestHandling.peer) == pair.caller.network.localPeer.bytes)
        #expect(handling.requestHandling.proto == "rpc")
        try Self.answer(handler, handling, [5])

        var decoder = FrameDecoder(maximumBytes: .max)
        decoder.append(recorder.received)
        guard case .frame(let frame) = decoder.next() else {
            Issue.record("no answer")
            return
        }
        let answer = try ProtoPersistentConnectionRequest(serializedBytes: [UInt8](frame.readableBytesView))
        #expect(answer.callID == request.callID)
        #expect(answer.unaryResponse.result == .response(.copying([5])))
        #expect(recorder.isRemoteClosed)
    }

    @Test(arguments: ["byte", "end", "reset"])
    func anythingFromTheCallerBeforeTheAnswerCancels(_ what: String) throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let (stream, _) = try pair.openRaw()
        var request = ProtoPersistentConnectionRequest()
        request.callID = .copying([UInt8](repeating: 3, count: 16))
        request.callUnary.data = .copying([4])
        stream.write(try HarnessClient.frame(request))
        pair.caller.loop.run()
        let handling = try handler.event()

        switch what {
        case "byte": stream.write(ByteBuffer(bytes: [0]))
        case "end": stream.closeWrite()
        default: stream.reset(.noError)
        }
        pair.caller.loop.run()

        let cancel = try handler.event()
        #expect(cancel.message == .cancel(ProtoCancel()) && cancel.callID == handling.callID)
    }

    @Test func theCallersDaemonKeepsItsDirectionOpenUntilTheAnswer() throws {
        let pair = try Self.pair()
        let recorder = StreamRecorder()
        pair.handler.network.setHandler(for: "rpc") { $0.delegate = recorder }
        let caller = try pair.caller.persistentClient()

        try Self.call(caller, 7, pair)
        pair.caller.loop.advanceTime(by: .minutes(10))

        #expect(!recorder.isRemoteClosed && recorder.closeReason == nil)
        var decoder = FrameDecoder(maximumBytes: .max)
        decoder.append(recorder.received)
        guard case .frame(let frame) = decoder.next() else {
            Issue.record("no request")
            return
        }
        let request = try ProtoPersistentConnectionRequest(serializedBytes: [UInt8](frame.readableBytesView))
        #expect([UInt8](request.callID) == [UInt8](repeating: 7, count: 16))
        #expect([UInt8](request.callUnary.data) == [1, 2, 3])
        #expect(decoder.bufferedBytes == 0)
    }

    @Test(arguments: ["garbage", "too long", "end", "nothing"])
    func aBadRequestFromAPeerEndsItsStreamOnly(_ what: String) throws {
        let pair = try Self.pair { $0.maximumMessageBytes = 1000 }
        let handler = try Self.handlerClient(pair)
        let (stream, recorder) = try pair.openRaw()

        switch what {
        case "garbage": stream.write(ByteBuffer(bytes: [2, 0xff, 0xff]))
        case "too long": stream.write(ByteBuffer(bytes: [0xe9, 0x07]))
        case "end": stream.closeWrite()
        default: pair.caller.loop.advanceTime(by: .seconds(60))
        }
        pair.caller.loop.run()

        #expect(recorder.closeReason != nil)
        #expect(handler.isOpen)
        #expect(try handler.next(ProtoPersistentConnectionResponse.self) == nil)
    }

    @Test(arguments: ["garbage", "too long", "end", "reset"])
    func aBadAnswerFromAPeerIsAnErrorOfTheDaemon(_ what: String) throws {
        let pair = try Self.pair { $0.maximumMessageBytes = 1000 }
        pair.handler.network.setHandler(for: "rpc") { stream in
            switch what {
            case "garbage": stream.write(ByteBuffer(bytes: [2, 0xff, 0xff]))
            case "too long": stream.write(ByteBuffer(bytes: [0xe9, 0x07]))
            case "end": stream.closeWrite()
            default: stream.reset(.noError)
            }
        }
        let caller = try pair.caller.persistentClient()

        try Self.call(caller, 7, pair)
        pair.caller.loop.run()

        #expect(try caller.event().hasDaemonError)
        #expect(caller.isOpen)
    }

    @Test func everyByteOfACallIsReturnedToTheWindow() throws {
        let pair = try Self.pair()
        let handler = try Self.handlerClient(pair)
        let opener = try #require(try pair.openRaw().stream.muxed as? MemoryStream)
        pair.caller.loop.run()
        let acceptor = try #require(opener.otherEnd)
        var request = ProtoPersistentConnectionRequest()
        request.callID = .copying([UInt8](repeating: 3, count: 16))
        request.callUnary.data = .copying([UInt8](repeating: 4, count: 100_000))
        opener.write(try HarnessClient.frame(request), promise: nil)
        pair.caller.loop.run()

        #expect(try handler.event().requestHandling.data.count == 100_000)
        #expect(acceptor.owedCredit == 0)
    }

    @Test func callsBeyondTheLimitAreErrors() throws {
        let pair = try Self.pair { $0.maximumUnaryCalls = 2 }
        let handler = try Self.handlerClient(pair)
        let caller = try pair.caller.persistentClient()

        for id in 1...3 { try Self.call(caller, UInt8(id), pair) }

        let refused = try caller.event()
        #expect([UInt8](refused.callID) == [UInt8](repeating: 3, count: 16))
        #expect(refused.daemonError.message == "resource limit exceeded: unary calls under way")
        try Self.answer(handler, handler.event(), [1])
        #expect(try caller.event().hasCallUnaryResponse)
        try Self.call(caller, 4, pair)
        #expect(try caller.next(ProtoPersistentConnectionResponse.self) == nil)
    }

    @Test func aBusyHandlerPassesItsTurn() throws {
        let pair = try Self.pair { $0.maximumUnaryCalls = 1 }
        let one = try Self.handlerClient(pair, balanced: true)
        let callers = try (0..<2).map { _ in try pair.caller.persistentClient() }
        try Self.call(callers[0], 1, pair)
        _ = try one.event()

        try Self.call(callers[1], 2, pair)

        #expect(
            try callers[1].event().callUnaryResponse.result
                == .error(.copying(Array("the handlers are busy".utf8)))
        )
    }

    @Test func whatComesRightBehindTheUpgradeIsServed() throws {
        let harness = try ControlHarness()
        let client = try harness.client()
        var bytes = try HarnessClient.request { $0.type = .persistentConnUpgradeOrPeerstore }
        var add = ProtoPersistentConnectionRequest()
        add.callID = .copying([UInt8](repeating: 1, count: 16))
        add.addUnaryHandler.proto = "rpc"
        bytes.writeImmutableBuffer(try HarnessClient.frame(add))

        try client.send(bytes)

        #expect(try client.answer().type == .ok)
        #expect(try client.event().message == nil)
        #expect(harness.network.protocols == ["rpc"])
    }

    @Test func countsFollowPersistentConnections() throws {
        let harness = try ControlHarness()
        let one = try harness.persistentClient()
        let other = try harness.persistentClient()

        one.close()
        other.close()

        #expect(harness.persistentCounts.all == [1, 2, 1, 0])
        #expect(harness.server.connectionCount == 0)
    }

    @Test func aMessageLongerThanTheLimitEndsThePersistentConnection() throws {
        let harness = try ControlHarness { $0.maximumMessageBytes = 100 }
        let client = try harness.persistentClient()

        try client.send([101])

        #expect(!client.isOpen)
        #expect(harness.persistentCounts.all == [1, 0])
    }
}
