import LibP2PCore
import NIOCore
import SwiftProtobuf
import Testing

@testable import P2PControl

@Suite struct UnaryCallTableTests {
    private static func id(_ byte: UInt8) throws -> CallID {
        try #require(CallID(ByteBuffer(repeating: byte, count: 16)))
    }

    @Test func aLateEndDoesNotEndALaterCallWithTheSameID() throws {
        var table = UnaryCallTable<String, String>(maximumCalls: 10, maximumBytes: 100)
        let first = try table.startOutbound(Self.id(1), bytes: 1, call: "first")
        #expect(try table.cancelOutbound(Self.id(1)) == "first")
        let second = try table.startOutbound(Self.id(1), bytes: 1, call: "second")

        #expect(try table.endOutbound(Self.id(1), serial: first) == nil)
        #expect(try table.updateOutbound(Self.id(1), serial: first) { $0 = "wrong" } == false)
        #expect(try table.endOutbound(Self.id(1), serial: second) == "second")
        #expect(table.outboundCount == 0)
    }

    @Test func idsOfBothDirectionsAreApart() throws {
        var table = UnaryCallTable<String, String>(maximumCalls: 10, maximumBytes: 100)
        _ = try table.startOutbound(Self.id(1), bytes: 1, call: "out")
        try table.startInbound(Self.id(1), bytes: 1, call: "in")

        #expect(try table.endInbound(Self.id(1)) == "in")
        #expect(try table.endInbound(Self.id(1)) == nil)
        #expect(try table.cancelOutbound(Self.id(1)) == "out")
    }

    @Test func limitsHoldAndAreGivenBack() throws {
        typealias Table = UnaryCallTable<Int, Int>
        var table = Table(maximumCalls: 2, maximumBytes: 10)
        _ = try table.startOutbound(Self.id(1), bytes: 9, call: 1)

        #expect(throws: Table.Refusal.duplicate) { _ = try table.startOutbound(Self.id(1), bytes: 0, call: 1) }
        #expect(throws: Table.Refusal.tooManyBytes) { _ = try table.startOutbound(Self.id(2), bytes: 2, call: 2) }
        _ = try table.startOutbound(Self.id(2), bytes: 1, call: 2)
        #expect(throws: Table.Refusal.tooManyCalls) { _ = try table.startOutbound(Self.id(3), bytes: 0, call: 3) }
        _ = try table.cancelOutbound(Self.id(1))
        #expect(throws: Never.self) { _ = try table.startOutbound(Self.id(3), bytes: 9, call: 3) }
    }
}

@Suite struct UnaryMessageTests {
    private static let idBytes = [UInt8](0..<16)
    private static func callID() throws -> CallID { try #require(CallID(ByteBuffer(bytes: idBytes))) }

    private static func body(_ frame: UnaryFrame) throws -> [UInt8] {
        var whole = frame.head
        whole.writeImmutableBuffer(frame.payload)
        var decoder = FrameDecoder(maximumBytes: .max)
        decoder.append(whole)
        guard case .frame(let body) = decoder.next() else {
            Issue.record("the length is wrong")
            return []
        }
        #expect(decoder.bufferedBytes == 0)
        return [UInt8](body.readableBytesView)
    }

    @Test(arguments: [0, 1, 100, 127, 128, 20_000])
    func whatIsWrittenByHandIsWhatTheGeneratedCodeReads(_ size: Int) throws {
        let payload = ByteBuffer(repeating: 5, count: size)
        let id = try Self.callID()

        let request = try ProtoPersistentConnectionResponse(
            serializedBytes: Self.body(.requestHandling(id, caller: [1, 2], protocolID: "/p", data: payload))
        )
        #expect([UInt8](request.callID) == Self.idBytes)
        #expect(request.requestHandling.hasPeer && [UInt8](request.requestHandling.peer) == [1, 2])
        #expect(request.requestHandling.hasProto && request.requestHandling.proto == "/p")
        #expect(request.requestHandling.hasData && request.requestHandling.data.count == size)

        let response = try ProtoPersistentConnectionResponse(
            serializedBytes: Self.body(.callUnaryResponse(id, .response(payload)))
        )
        #expect(response.callUnaryResponse.response.count == size)
        #expect(response.callUnaryResponse.result == .response(.copying([UInt8](repeating: 5, count: size))))

        let toDaemon = try ProtoPersistentConnectionRequest(
            serializedBytes: Self.body(.unaryResponse(id, .error(payload)))
        )
        #expect(toDaemon.unaryResponse.result == .error(.copying([UInt8](repeating: 5, count: size))))
    }

    @Test func shortMessagesAreWhatTheGeneratedCodeReads() throws {
        let id = try Self.callID()

        let done = try ProtoPersistentConnectionResponse(serializedBytes: Self.body(.acknowledgement(id)))
        #expect(done.message == nil && [UInt8](done.callID) == Self.idBytes)
        let cancel = try ProtoPersistentConnectionResponse(serializedBytes: Self.body(.cancel(id)))
        #expect(cancel.message == .cancel(ProtoCancel()))
        let error = try ProtoPersistentConnectionResponse(serializedBytes: Self.body(.daemonError(id, "no")))
        #expect(error.daemonError.message == "no")
    }

    @Test func whatTheGeneratedCodeWritesIsReadByHand() throws {
        var call = ProtoPersistentConnectionRequest()
        call.callID = .copying(Self.idBytes)
        call.callUnary.peer = .copying([1, 2, 3])
        call.callUnary.proto = "DHTProtocol.rpc_ping"
        call.callUnary.data = .copying([9])

        let request = try PersistentRequest(bytes: call.serializedBytes())

        #expect(try request.callID == Self.callID())
        let expected = PersistentRequest.Message.callUnary(
            peer: [1, 2, 3],
            protocolName: "DHTProtocol.rpc_ping",
            data: ByteBuffer(bytes: [9])
        )
        #expect(request.message == expected)
    }

    @Test(arguments: [0, 15, 17])
    func anIDOfAnotherLengthIsNone(_ length: Int) throws {
        var message = ProtoPersistentConnectionRequest()
        message.callID = .copying([UInt8](repeating: 1, count: length))
        message.cancel = ProtoCancel()

        let request = try PersistentRequest(bytes: message.serializedBytes())

        #expect(request.callID == nil)
        #expect(request.message == .cancel)
    }

    @Test func anAnswerWithoutAResultBecomesAnError() throws {
        var message = ProtoPersistentConnectionRequest()
        message.callID = .copying(Self.idBytes)
        message.unaryResponse = ProtoCallUnaryResponse()

        guard case .unaryResponse(.error) = try PersistentRequest(bytes: message.serializedBytes()).message else {
            Issue.record("not an error")
            return
        }
    }
}
