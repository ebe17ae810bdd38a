import Multiformats
import Testing

@Suite struct PeerIDTests {
    /// libp2p/specs peer-ids/peer-ids.md §"String representation".
    @Test(arguments: [
        (
            "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",
            "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe"
        ),
        (
            "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV",
            "bafzaajaiaejcalj543iwv2d7pkjt7ykvefrkfu7qjfi6sduakhso4lay6abn2d5u"
        ),
        (
            "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV",
            "k51qzi5uqu5dhb6l8spkdx7yxafegfkee5by8h7lmjh2ehc2sgg34z7c15vzqs"
        ),
    ])
    func bothTextFormsAreRead(_ base58: String, _ cid: String) throws {
        let peer = try PeerID(base58)

        #expect(peer.description == base58)
        #expect(try PeerID(cid) == peer)
        #expect([peer.cidText(), peer.cidText(.base32)].contains(cid))
        #expect(try PeerID(bytes: peer.bytes) == peer)
    }

    @Test func aShortKeyIsInsideItsID() throws {
        let inlined = try PeerID("12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV")
        let hashed = try PeerID("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N")

        #expect(inlined.inlinedKeyProtobuf.map { Array($0.prefix(4)) } == [0x08, 0x01, 0x12, 0x20])
        #expect(hashed.inlinedKeyProtobuf == nil)
    }

    @Test(
        arguments: [
            ([UInt8](), "multihash too short. must be >= 2 bytes"),
            ([0x12, 0x20, 0x00], "length greater than remaining number of bytes in buffer"),
            ([0x12, 0x01, 0x00], "invalid digest length 1 for sha256 addr: expected 32"),
            ([0x11, 0x01, 0x00], "invalid multihash code 17 expected sha-256 or identity"),
            ([0x00, 0x7f] + [UInt8](repeating: 0, count: 127), "multihash too long. must be < 129 bytes"),
        ] as [([UInt8], String)]
    )
    func errorsHaveTheWordingClientsKnow(_ bytes: [UInt8], _ message: String) throws {
        let error = try #require(throws: PeerIDError.self) { try PeerID(bytes: bytes) }

        #expect(error.description == message)
    }

    @Test(arguments: [
        "", "1", "Qm", "12D3", "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5", "0", "peer",
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku",
    ])
    func otherTextIsRefused(_ text: String) {
        #expect(throws: PeerIDError.self) { try PeerID(text) }
    }

    @Test func veryLongTextIsRefusedQuickly() {
        #expect(throws: PeerIDError.self) { try PeerID("1" + String(repeating: "z", count: 1_000_000)) }
        #expect(throws: PeerIDError.self) { try PeerID("z" + String(repeating: "z", count: 1_000_000)) }
        #expect(throws: PeerIDError.self) { try PeerID("b" + String(repeating: "a", count: 1_000_000)) }
    }

    @Test(arguments: [UInt64(1), 2])
    func hostileBytesAreRefusedOrKept(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let sample = try PeerID("12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV").bytes
        for round in 0..<3000 {
            let bytes = round.isMultiple(of: 2) ? random.bytes(round % 50) : random.mutated(sample)
            if let peer = try? PeerID(bytes: bytes) {
                #expect(peer.bytes == bytes, "seed \(seed)")
                #expect(try PeerID(peer.cidText()) == peer, "seed \(seed)")
            }
        }
    }
}
