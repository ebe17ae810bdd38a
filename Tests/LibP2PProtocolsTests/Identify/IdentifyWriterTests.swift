import Multiformats
import NIOCore
import Testing

@testable import LibP2PProtocols

@Suite struct IdentifyWriterTests {
    private func messages(_ bytes: [UInt8]) throws -> [IdentifyMessage] {
        var rest = bytes[...]
        var messages: [IdentifyMessage] = []
        while !rest.isEmpty {
            let prefix = try #require(try Varint.decode(rest))
            rest = rest.dropFirst(prefix.length)
            #expect(prefix.value <= 4096)
            messages.append(try IdentifyMessage(protobuf: Array(rest.prefix(Int(prefix.value)))))
            rest = rest.dropFirst(Int(prefix.value))
        }
        return messages
    }

    @Test func aSmallIdentityIsOneMessage() throws {
        let message = IdentifyMessage(
            agentVersion: "a",
            publicKey: [1],
            protocols: ["/a"],
            signedPeerRecord: [UInt8](repeating: 2, count: 1500)
        )

        #expect(try self.messages(IdentifyWriter.encode(message)) == [message])
    }

    @Test func theSignedRecordOfALargeIdentityComesLastAndAlone() throws {
        let message = IdentifyMessage(
            agentVersion: "a",
            publicKey: [UInt8](repeating: 1, count: 600),
            protocols: ["/a"],
            signedPeerRecord: [UInt8](repeating: 2, count: 1600)
        )

        let messages = try self.messages(IdentifyWriter.encode(message))

        #expect(messages.count == 2)
        #expect(messages.first?.signedPeerRecord == nil)
        #expect(messages.last == IdentifyMessage(signedPeerRecord: message.signedPeerRecord))
    }

    @Test func manyProtocolsAreSpreadAndReadBack() throws {
        let message = IdentifyMessage(
            agentVersion: "a",
            listenAddresses: [[4, 1, 2, 3, 4, 6, 15, 161]],
            protocols: (0..<900).map { "/a/rather/long/protocol/\($0)" },
            signedPeerRecord: [UInt8](repeating: 2, count: 900)
        )
        let bytes = IdentifyWriter.encode(message)

        var reader = IdentifyReader()
        #expect(reader.receive(ByteBuffer(bytes: bytes)) == .awaitMore)
        #expect(reader.receiveEnd() == .judge(message))
        #expect(try self.messages(bytes).count > 2)
    }

    @Test func moreThanAReceiverTakesIsLeftOut() throws {
        let message = IdentifyMessage(
            listenAddresses: (0..<1000).map { [4, 1, 2, 3, UInt8($0 % 256), 6, 15, 161] },
            protocols: (0..<2000).map { "/\(String(repeating: "p", count: 200))/\($0)" },
            signedPeerRecord: [1]
        )

        let messages = try self.messages(IdentifyWriter.encode(message))

        #expect(messages.count <= 10)
        #expect(messages.reduce(0) { $0 + $1.protocols.count } <= 1024)
        #expect(messages[0].listenAddresses.count > 100)
        #expect(messages.last?.signedPeerRecord == [1])
    }
}
