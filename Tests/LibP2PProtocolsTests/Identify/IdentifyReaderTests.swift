import Multiformats
import NIOCore
import Testing

@testable import LibP2PProtocols

@Suite struct IdentifyReaderTests {
    private let message = IdentifyMessage(
        protocolVersion: "ipfs/0.1.0",
        agentVersion: "agent/1",
        publicKey: [1, 2, 3],
        listenAddresses: [[4, 127, 0, 0, 1, 6, 15, 161]],
        observedAddress: [4, 127, 0, 0, 1, 6, 15, 162],
        protocols: ["/a", "/b"],
        signedPeerRecord: [9, 9]
    )

    private func delimited(_ bytes: [UInt8]) -> ByteBuffer {
        ByteBuffer(bytes: Varint.encode(UInt64(bytes.count)) + bytes)
    }

    @Test func aMessageIsReadHoweverItIsCut() {
        var reader = IdentifyReader()
        for byte in self.delimited(self.message.protobuf).readableBytesView {
            #expect(reader.receive(ByteBuffer(bytes: [byte])) == .awaitMore)
        }

        #expect(reader.receiveEnd() == .judge(self.message))
    }

    @Test func furtherMessagesAreMerged() {
        var reader = IdentifyReader()
        _ = reader.receive(self.delimited(IdentifyMessage(agentVersion: "x", protocols: ["/a"]).protobuf))
        _ = reader.receive(self.delimited(IdentifyMessage(agentVersion: "y", protocols: ["/b"]).protobuf))

        #expect(reader.receiveEnd() == .judge(IdentifyMessage(agentVersion: "y", protocols: ["/a", "/b"])))
    }

    @Test(arguments: [(8192, true), (8193, false)])
    func aMessageMayHave8KiB(size: Int, isAccepted: Bool) {
        // Tag and length of the signed record take three bytes.
        let bytes = IdentifyMessage(signedPeerRecord: [UInt8](repeating: 1, count: size - 3)).protobuf
        #expect(bytes.count == size)
        var reader = IdentifyReader()

        let result = reader.receive(self.delimited(bytes))

        #expect(result == (isAccepted ? .awaitMore : .resetStream(.messageTooLarge)))
    }

    @Test func anOversizedLengthIsRefusedBeforeItsBytesCome() {
        var reader = IdentifyReader()
        #expect(reader.receive(ByteBuffer(bytes: Varint.encode(1 << 62))) == .resetStream(.messageTooLarge))
    }

    @Test func anExchangeMayHaveTenMessages() {
        var reader = IdentifyReader()
        for _ in 0..<10 {
            #expect(reader.receive(self.delimited([])) == .awaitMore)
        }
        #expect(reader.receive(self.delimited([])) == .resetStream(.tooManyMessages))
    }

    @Test(arguments: [(1024, true), (1025, false)])
    func aPeerMayHave1024Protocols(count: Int, isAccepted: Bool) {
        var reader = IdentifyReader()
        let half = IdentifyMessage(protocols: (0..<512).map { "/\($0)" }).protobuf
        let rest = IdentifyMessage(protocols: (512..<count).map { "/\($0)" }).protobuf
        #expect(reader.receive(self.delimited(half)) == .awaitMore)

        let result = reader.receive(self.delimited(rest))

        #expect(result == (isAccepted ? .awaitMore : .resetStream(.tooManyProtocols)))
    }

    @Test func anEndBeforeOrWithinAMessageVoidsTheExchange() {
        var empty = IdentifyReader()
        #expect(empty.receiveEnd() == .resetStream(.incomplete))

        var cut = IdentifyReader()
        _ = cut.receive(self.delimited(self.message.protobuf))
        _ = cut.receive(ByteBuffer(bytes: [5, 0]))
        #expect(cut.receiveEnd() == .resetStream(.incomplete))
    }

    @Test func whatIsNoProtobufIsRefused() {
        var reader = IdentifyReader()
        #expect(reader.receive(self.delimited([0x0a, 0x7f, 0])) == .resetStream(.malformedMessage))
        #expect(reader.receive(self.delimited(self.message.protobuf)) == .awaitMore)
        #expect(reader.receiveEnd() == .resetStream(.incomplete))
    }

    @Test func hostileBytesNeitherTrapNorPileUp() {
        let seed: UInt64 = 0x5eed_0002
        var generator = SplitMix(state: seed)
        let valid = Array(self.delimited(self.message.protobuf).readableBytesView)
        for _ in 0..<4000 {
            var bytes: [UInt8]
            if Bool.random(using: &generator) {
                bytes = (0..<Int.random(in: 0..<200, using: &generator)).map { _ in
                    UInt8.random(in: .min ... .max, using: &generator)
                }
            } else {
                bytes = valid + valid
                for _ in 0..<Int.random(in: 1..<6, using: &generator) {
                    bytes[Int.random(in: bytes.indices, using: &generator)] = .random(
                        in: .min ... .max,
                        using: &generator
                    )
                }
            }
            Identify.fuzz(bytes)
        }
    }
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
