import Multiformats
import Testing

@Suite struct MultiaddrBinaryTests {
    @Test(
        arguments: [
            ([UInt8](), MultiaddrError.empty),
            ([0x05], .unknownCode(5)),
            ([0x80, 0x00], .varint(.notMinimal)),
            ([0x80], .varint(.truncated)),
            ([0x04, 1, 2, 3], .valueSize(3)),
            ([0x35, 0x00], .valueSize(0)),
            ([0x35, 0x05, 0x61], .valueSize(1)),
            ([0x35, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], .valueSize(0)),
            ([0x90, 0x03, 0x02, 0x2f, 0x61, 0x06, 0x00, 0x50], .componentAfterPath),
            ([0x35, 0x01, 0x2f], .value(.dns, reason: "domain name contains a slash")),
            ([0x35, 0x01, 0xff], .value(.dns, reason: "is not valid UTF-8")),
            ([0x90, 0x03, 0x03, 0x2f, 0x61, 0x00], .value(.unix, reason: "contains a NUL byte")),
            ([0x90, 0x03, 0x02, 0x61, 0x2f], .value(.unix, reason: "unix socket path must not end in '/'")),
            (
                [0xa5, 0x03, 0x01, 0x12],
                .value(.p2p, reason: "invalid multihash: multihash too short. must be >= 2 bytes")
            ),
        ] as [([UInt8], MultiaddrError)]
    )
    func malformedBytesAreRefused(_ bytes: [UInt8], _ error: MultiaddrError) {
        #expect(throws: error) { try Multiaddr(bytes: bytes) }
    }

    @Test func lengthAndPartsAreBounded() throws {
        let most = [UInt8](Array(repeating: [0xe0, 0x03], count: Multiaddr.maximumComponents).joined())
        let longName = Multiaddr.maximumLength - 3

        #expect(try Multiaddr(bytes: most).components.count == Multiaddr.maximumComponents)
        #expect(throws: MultiaddrError.tooManyComponents) { try Multiaddr(bytes: most + [0xe0, 0x03]) }
        #expect(throws: MultiaddrError.tooManyComponents) { try Multiaddr(String(repeating: "/http", count: 65)) }
        #expect(throws: Never.self) {
            try Multiaddr(bytes: [0x35] + Varint.encode(UInt64(longName)) + [UInt8](repeating: 0x61, count: longName))
        }
        #expect(throws: MultiaddrError.tooLong) {
            try Multiaddr(bytes: [UInt8](repeating: 0x61, count: Multiaddr.maximumLength + 1))
        }
        #expect(throws: MultiaddrError.tooLong) {
            try Multiaddr("/dns/" + String(repeating: "a", count: Multiaddr.maximumTextLength))
        }
    }

    @Test(arguments: MultiaddrProtocol.allCases)
    func everyProtocolIsFoundByItsName(_ proto: MultiaddrProtocol) {
        #expect(MultiaddrProtocol(name: proto.name) == proto)
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func hostileBytesAreRefusedOrKept(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let samples = try MultiaddrVectors.valid.map { try Multiaddr($0).bytes }
        var accepted = 0
        for round in 0..<3000 {
            let sample = samples[Int.random(in: 0..<samples.count, using: &random)]
            let bytes = round.isMultiple(of: 5) ? random.bytes(round % 40) : random.mutated(sample)
            guard let address = try? Multiaddr(bytes: bytes) else {
                continue
            }
            accepted += 1
            #expect(Multiaddr(components: address.components) == address, "seed \(seed): \(bytes)")
            let reread = try Multiaddr(address.description)
            #expect(reread.description == address.description, "seed \(seed): \(bytes)")
            _ = (address.isPublic, address.isPrivate, address.peerID, address.tcpEndpoint, address.withoutPeerID)
        }
        #expect(accepted > 100)
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func hostileTextIsRefusedOrKept(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<3000 {
            let sample = MultiaddrVectors.valid[Int.random(in: 0..<MultiaddrVectors.valid.count, using: &random)]
            let text = String(decoding: random.mutated(Array(sample.utf8)), as: UTF8.self)
            guard let address = try? Multiaddr(text) else {
                continue
            }
            #expect(try Multiaddr(bytes: address.bytes) == address, "seed \(seed): \(text)")
            #expect(try Multiaddr(address.description) == address, "seed \(seed): \(text)")
        }
    }
}
