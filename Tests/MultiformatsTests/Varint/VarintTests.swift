import Multiformats
import Testing

@Suite struct VarintTests {
    /// multiformats/unsigned-varint, examples.
    @Test(
        arguments: [
            (UInt64(0), [0x00]), (1, [0x01]), (127, [0x7f]), (128, [0x80, 0x01]), (255, [0xff, 0x01]),
            (300, [0xac, 0x02]), (16384, [0x80, 0x80, 0x01]),
            (UInt64(Int64.max), [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]),
        ] as [(UInt64, [UInt8])]
    )
    func valuesHaveTheSpecifiedBytes(_ value: UInt64, _ bytes: [UInt8]) throws {
        #expect(Varint.encode(value) == bytes)
        #expect(Varint.encodedLength(value) == bytes.count)
        let decoded = try #require(try Varint.decode(bytes + [0x55]))
        #expect(decoded == (value, bytes.count))
    }

    @Test(arguments: 0..<63)
    func lengthIsExactAtEveryPowerOfTwo(_ bit: Int) throws {
        for value in [UInt64(1) << bit, UInt64(1) << bit - 1] {
            let bytes = Varint.encode(value)

            #expect(bytes.count == Varint.encodedLength(value))
            #expect(try Varint.decode(bytes)?.value == value)
        }
    }

    @Test(arguments: [[UInt8](), [0x80], [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]])
    func anUnfinishedVarintWantsMore(_ bytes: [UInt8]) throws {
        #expect(try Varint.decode(bytes) == nil)
        #expect(try bytes.withUnsafeBytes { try Varint.decode($0) } == nil)
    }

    @Test(
        arguments: [
            ([0x80, 0x00], VarintError.notMinimal),
            ([0x81, 0x80, 0x00], .notMinimal),
            ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00], .notMinimal),
            ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], .overflow),
            ([0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], .overflow),
        ] as [([UInt8], VarintError)]
    )
    func superfluousAndTooManyBytesAreRefused(_ bytes: [UInt8], _ error: VarintError) {
        #expect(throws: error) { try Varint.decode(bytes) }
        #expect(throws: error) { try bytes.withUnsafeBytes { try Varint.decode($0) } }
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func bothDecodersAgreeOnRandomBytes(_ seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<2000 {
            let bytes = random.bytes(Int.random(in: 0...12, using: &random)).map {
                Bool.random(using: &random) ? $0 | 0x80 : $0
            }

            let generic = try? Varint.decode(bytes)
            let fast = try? bytes.withUnsafeBytes { try Varint.decode($0) }

            #expect(generic?.value == fast?.value, "seed \(seed): \(bytes)")
            #expect(generic?.length == fast?.length, "seed \(seed): \(bytes)")
            if let generic {
                #expect(Varint.encode(generic.value) == Array(bytes.prefix(generic.length)))
            }
        }
    }
}
