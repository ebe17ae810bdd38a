import Multiformats
import Testing

@Suite struct MultibaseTests {
    /// multiformats/multibase, tests/basic.csv, leading_zero.csv, two_leading_zeros.csv: `yes mani !`.
    @Test(arguments: [
        (0, "001111001011001010111001100100000011011010110000101101110011010010010000000100001"),
        (0, "f796573206d616e692021"), (0, "F796573206D616E692021"), (0, "bpfsxgidnmfxgsibb"), (0, "BPFSXGIDNMFXGSIBB"),
        (0, "cpfsxgidnmfxgsibb"), (0, "CPFSXGIDNMFXGSIBB"), (0, "vf5in683dc5n6i811"), (0, "VF5IN683DC5N6I811"),
        (0, "tf5in683dc5n6i811"), (0, "TF5IN683DC5N6I811"), (0, "hxf1zgedpcfzg1ebb"), (0, "k2lcpzo5yikidynfl"),
        (0, "K2LCPZO5YIKIDYNFL"), (0, "Z7Pznk19XTTzBtx"), (0, "z7paNL19xttacUY"), (0, "meWVzIG1hbmkgIQ"),
        (0, "MeWVzIG1hbmkgIQ=="), (0, "ueWVzIG1hbmkgIQ"), (0, "UeWVzIG1hbmkgIQ=="), (0, "\0yes mani !"),
        (1, "f00796573206d616e692021"), (1, "k02lcpzo5yikidynfl"), (1, "z17paNL19xttacUY"), (1, "Z17Pznk19XTTzBtx"),
        (2, "k002lcpzo5yikidynfl"), (2, "z117paNL19xttacUY"), (2, "baaahszltebwwc3tjeaqq"), (2, "mAAB5ZXMgbWFuaSAh"),
    ])
    func textIsTheSpecified(_ leadingZeros: Int, _ text: String) throws {
        let bytes = [UInt8](repeating: 0, count: leadingZeros) + Array("yes mani !".utf8)

        let decoded = try Multibase.decode(text)

        #expect(decoded.bytes == bytes)
        #expect(decoded.base.encode(bytes) == text)
    }

    @Test(arguments: ["f796573206D616E692021", "bPfSxGiDnMfXgSiBb", "k2lCpZo5yIkIdYnFl", "CpFsXgIdNmFxGsIbB"])
    func caseIsIgnoredWhereTheAlphabetAllows(_ text: String) throws {
        #expect(try Multibase.decode(text).bytes == Array("yes mani !".utf8))
    }

    @Test(
        arguments: [
            ("", MultibaseError.empty), ("?abc", .unknownPrefix(UInt8(ascii: "?"))), ("z0", .invalidCharacter),
            ("zé", .invalidCharacter), ("f0", .invalidLength), ("bb", .invalidLength), ("baaa", .invalidLength),
            ("bab", .invalidLength), ("MeWVzIG1hbmkgIQ=", .invalidLength), ("M====", .invalidLength),
            ("meWVzIG1hbmkgIQ==", .invalidCharacter), ("MAA=A", .invalidCharacter), ("MA=AA", .invalidCharacter),
        ] as [(String, MultibaseError)]
    )
    func malformedTextIsRefused(_ text: String, _ error: MultibaseError) {
        #expect(throws: error) { try Multibase.decode(text) }
    }

    @Test(arguments: ["z", "k", "Z", "K"])
    func quadraticBasesAreBounded(_ prefix: String) {
        let most = prefix + String(repeating: "2", count: Multibase.maximumQuadraticLength)

        #expect(throws: Never.self) { try Multibase.decode(most) }
        #expect(throws: MultibaseError.tooLong) { try Multibase.decode(most + "2") }
    }

    @Test(arguments: Multibase.allCases.filter { $0 != .identity })
    func allLengthsSurvive(_ base: Multibase) throws {
        var random = SplitMix64(seed: UInt64(base.rawValue))
        for count in 0..<70 {
            let zeros = [UInt8](repeating: 0, count: count % 3)
            for bytes in [zeros + random.bytes(count), [UInt8](repeating: 0xff, count: count), zeros] {
                let decoded = try Multibase.decode(base.encode(bytes))

                #expect(decoded.bytes == bytes, "seed \(base.rawValue)")
                #expect(decoded.base == base)
            }
        }
    }

    @Test(arguments: Multibase.allCases.filter { $0 != .identity })
    func whatDecodesPrintsTheSame(_ base: Multibase) {
        var random = SplitMix64(seed: UInt64(base.rawValue))
        let sample = Array(base.encodeWithoutPrefix(random.bytes(20)).utf8)
        for _ in 0..<500 {
            let text = String(decoding: random.mutated(sample), as: UTF8.self)
            guard let bytes = try? base.decodeWithoutPrefix(text) else {
                continue
            }
            #expect(base.encodeWithoutPrefix(bytes).lowercased() == text.lowercased(), "seed \(base.rawValue)")
        }
    }
}
