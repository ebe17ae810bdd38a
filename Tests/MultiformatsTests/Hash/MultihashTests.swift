import Multiformats
import Testing

@Suite struct MultihashTests {
    @Test func aMultihashIsTakenApart() throws {
        let multihash = try Multihash(bytes: [0x12, 0x03, 7, 8, 9])

        #expect(multihash.code == .sha2_256)
        #expect(Array(multihash.digest) == [7, 8, 9])
        #expect(try Multihash(code: .sha2_256, digest: [7, 8, 9]) == multihash)
    }

    @Test func codesOfSeveralBytesAreTaken() throws {
        let multihash = try Multihash(bytes: [0xa0, 0xe4, 0x02, 0x01, 0xff])

        #expect(multihash.code.name == "blake2b-256")
        #expect(Array(multihash.digest) == [0xff])
    }

    @Test(
        arguments: [
            ([UInt8](), "multihash too short. must be >= 2 bytes"),
            ([0x12], "multihash too short. must be >= 2 bytes"),
            ([0x12, 0x20, 0x01], "length greater than remaining number of bytes in buffer"),
            ([0x12, 0x01, 0x01, 0x02], "multihash length inconsistent: expected 1; got 3"),
            ([0x80, 0x80], "varints malformed, could not reach the end"),
            ([0x80, 0x00, 0x00], "varint not minimally encoded"),
            ([0x00, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x00], "digest too long, supporting only <= 2^31-1"),
        ] as [([UInt8], String)]
    )
    func errorsHaveTheWordingClientsKnow(_ bytes: [UInt8], _ message: String) throws {
        let error = try #require(throws: MultihashError.self) { try Multihash(bytes: bytes) }

        #expect(error.description == message)
    }

    @Test(
        arguments: [
            (UInt64(0x00), "identity"), (0x12, "sha2-256"), (0x1e, "blake3"), (0xb201, "blake2b-8"),
            (0xb240, "blake2b-512"), (0xb241, "blake2s-8"), (0xb260, "blake2s-256"),
        ] as [(UInt64, String)]
    )
    func codesHaveNames(_ code: UInt64, _ name: String) {
        #expect(MultihashCode(rawValue: code).name == name)
        #expect(MultihashCode(name: name)?.rawValue == code)
    }

    @Test(arguments: ["", "sha2", "blake2b-", "blake2b-0", "blake2b-520", "blake2s-264", "blake2b-12", "blake2b--8"])
    func unknownNamesHaveNoCode(_ name: String) {
        #expect(MultihashCode(name: name) == nil)
    }

    @Test func digestsAreBounded() throws {
        let longest = [UInt8](repeating: 1, count: Multihash.maximumDigestLength)

        let multihash = try Multihash(code: .identity, digest: longest)

        #expect(try Multihash(bytes: multihash.bytes) == multihash)
        #expect(throws: MultihashError.digestTooLong) { try Multihash(code: .identity, digest: longest + [1]) }
        #expect(throws: MultihashError.digestTooLong) { try Multihash(bytes: [0x00, 0x81, 0x08] + longest + [1]) }
    }
}
