import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import SwiftProtobuf
import Testing

@testable import P2PControl

/// Bytes nobody should send: nothing may trap, hang or grow.
@Suite struct ControlFuzzTests {
    private static let seed: UInt64 = 0x5eed_2026

    /// SplitMix64: the same bytes in every run.
    private struct Generator: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            self.state &+= 0x9e37_79b9_7f4a_7c15
            var z = self.state
            z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
            z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
            return z ^ (z >> 31)
        }
    }

    private static func random(_ generator: inout Generator, upTo limit: Int) -> [UInt8] {
        (0..<Int.random(in: 0...limit, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    private static func mutated(_ bytes: [UInt8], _ generator: inout Generator) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
            let index = Int.random(in: 0..<bytes.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
            case 1: bytes.remove(at: index)
            case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: index)
            default: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            }
        }
        return bytes
    }

    /// One valid request of every kind.
    private static func requests() throws -> [[UInt8]] {
        let peer = [0x12, 0x20] + [UInt8](repeating: 2, count: 32)
        let address = try Multiaddr("/unix/tmp/x").bytes
        var requests: [ProtoRequest] = []
        for type in ProtoRequest.TypeEnum.allCases {
            var request = ProtoRequest()
            request.type = type
            request.connect.peer = .copying(peer)
            request.connect.addrs = [.copying(address)]
            request.streamOpen.peer = .copying(peer)
            request.streamOpen.proto = ["/a", "b"]
            request.streamHandler.addr = .copying(address)
            request.streamHandler.proto = ["/a"]
            request.streamHandler.balanced = true
            request.connManager.type = .tagPeer
            request.connManager.peer = .copying(peer)
            request.connManager.tag = "t"
            request.disconnect.peer = .copying(peer)
            if type == .removeStreamHandler {
                request.removeStreamHandlerOrPeerstore = .copying([0x0a, UInt8(address.count)] + address)
            }
            requests.append(request)
        }
        return try requests.map { try $0.serializedBytes() }
    }

    @Test func noBytesTrapTheDecoders() throws {
        var generator = Generator(state: Self.seed)
        let requests = try Self.requests()
        for round in 0..<4000 {
            let bytes =
                round % 2 == 0
                ? Self.random(&generator, upTo: 64)
                : Self.mutated(requests[round % requests.count], &generator)
            _ = try? ProtobufRequest.decode(bytes)
            _ = try? PersistentRequest(bytes: bytes)
            var decoder = FrameDecoder(maximumBytes: 1000)
            decoder.append(ByteBuffer(bytes: bytes))
            while case .frame = decoder.next() {}
        }
    }

    @Test func noBytesTrapAConnection() throws {
        var generator = Generator(state: Self.seed)
        let requests = try Self.requests()
        let harness = try ControlHarness { $0.maximumMessageBytes = 1000 }
        for round in 0..<1500 {
            let client = round % 3 == 0 ? try harness.persistentClient() : try harness.client()
            for _ in 0..<3 where client.isOpen {
                let bytes = Self.mutated(requests[Int.random(in: 0..<requests.count, using: &generator)], &generator)
                var frame = ByteBuffer()
                FrameEncoder.writeLength(bytes.count, to: &frame)
                frame.writeBytes(bytes)
                try client.send(round % 5 == 0 ? ByteBuffer(bytes: Self.random(&generator, upTo: 64)) : frame)
            }
        }
        harness.loop.advanceTime(by: .hours(1))

        #expect(harness.server.connectionCount == 0)
        #expect(try harness.client().ask { $0.type = .identify }.hasIdentify)
    }

    @Test func noBytesFromAPeerTrapACall() throws {
        var generator = Generator(state: Self.seed)
        let caller = try ControlHarness(1) { $0.maximumMessageBytes = 1000 }
        let handler = try ControlHarness(2, loop: caller.loop) { $0.maximumMessageBytes = 1000 }
        MemoryNetwork.introduce(caller.network, handler.network)
        let client = try handler.persistentClient()
        try client.call(1) { $0.addUnaryHandler.proto = "rpc" }
        var request = ProtoPersistentConnectionRequest()
        request.callID = .copying([UInt8](repeating: 1, count: 16))
        request.callUnary.peer = .copying([1, 2])
        request.callUnary.proto = "rpc"
        request.callUnary.data = .copying([UInt8](repeating: 3, count: 20))
        let valid = [UInt8](try HarnessClient.frame(request).readableBytesView)

        for _ in 0..<1500 {
            let stream = try caller.network
                .openStream(to: handler.network.localPeer, protocols: ["rpc"], timeout: .seconds(1)).wait()
            stream.delegate = StreamRecorder()
            stream.write(ByteBuffer(bytes: Self.mutated(valid, &generator)))
            caller.loop.run()
            stream.reset(.noError)
            caller.loop.run()
        }

        #expect(client.isOpen)
    }
}
