import Multiformats
import Testing

@Suite struct CIDTests {
    /// The SHA-256 of nothing.
    private let digest = try? Multibase.base16.decodeWithoutPrefix(
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    )

    @Test func version0IsABareHash() throws {
        let cid = try CID("QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n")

        #expect(cid.version == .v0)
        #expect(cid.codec == .dagPB)
        #expect(Array(cid.multihash.digest) == self.digest)
        #expect(cid.description == "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n")
        #expect(try CID(bytes: cid.bytes) == cid)
    }

    @Test(arguments: [
        ("bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", CID.Codec.dagPB),
        ("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku", .raw),
    ])
    func version1NamesItsCodec(_ text: String, _ codec: CID.Codec) throws {
        let cid = try CID(text)

        #expect(cid.version == .v1)
        #expect(cid.codec == codec)
        #expect(Array(cid.multihash.digest) == self.digest)
        #expect(cid.description == text)
        #expect(CID(codec: codec, multihash: cid.multihash) == cid)
    }

    @Test(arguments: Multibase.allCases.filter { $0 != .identity })
    func version1IsReadInEveryBase(_ base: Multibase) throws {
        let cid = try CID("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku")

        #expect(try CID(cid.text(base)) == cid)
    }

    @Test func anIdentityHashMayBeEmpty() throws {
        #expect(try CID("bafkqaaa").bytes == [0x01, 0x55, 0x00, 0x00])
    }

    @Test(arguments: [
        ("", "invalid cid: cid too short"),
        ("?bafk", "invalid cid: selected encoding not supported"),
        ("bafkq", "invalid cid: multihash too short. must be >= 2 bytes"),
        (
            "z" + "QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n",
            "invalid cid: expected 1 as the cid version number, got: 0"
        ),
        ("f02550000", "invalid cid: expected 1 as the cid version number, got: 2"),
    ])
    func malformedTextIsRefused(_ text: String, _ message: String) throws {
        let error = try #require(throws: CIDError.self) { try CID(text) }

        #expect(error.description == message)
    }

    @Test func textWithoutEndIsRefused() {
        #expect(throws: CIDError.self) { try CID("f" + String(repeating: "0", count: 100_000)) }
    }

    @Test(arguments: [UInt64(1), 2])
    func hostileBytesAreRefusedOrKept(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let samples = [
            try CID("QmdfTbBqBPQ7VNxZEYEj14VmRuZBkqFbiwReogJgS1zR1n").bytes,
            try CID("bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku").bytes,
        ]
        for round in 0..<3000 {
            let bytes = round.isMultiple(of: 3) ? random.bytes(round % 50) : random.mutated(samples[round % 2])
            if let cid = try? CID(bytes: bytes) {
                #expect(cid.bytes == bytes, "seed \(seed)")
                #expect(try CID(cid.description) == cid, "seed \(seed)")
            }
        }
    }
}
