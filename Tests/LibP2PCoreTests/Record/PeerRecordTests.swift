import LibP2PCore
import Multiformats
import Testing

@Suite struct PeerRecordTests {
    static let addresses = ["/ip4/192.0.2.7/tcp/4001", "/ip6/2001:db8::1/tcp/4001"]

    static func record(of key: PrivateKey, sequence: UInt64 = 7) throws -> PeerRecord {
        PeerRecord(peerID: key.peerID, sequence: sequence, addresses: try Self.addresses.map { try Multiaddr($0) })
    }

    @Test(arguments: KeyType.allCases)
    func sealedRecordsAreRead(type: KeyType) throws {
        let key = try PrivateKey.generate(type)
        let record = try Self.record(of: key, sequence: UInt64.max)

        let read = try PeerRecord(envelope: record.sealed(by: key))

        #expect(read == record)
    }

    @Test func payloadTypeIsThatOfTheMulticodecTable() throws {
        let key = try PrivateKey.generate(.ed25519)
        let bytes = try Self.record(of: key).sealed(by: key)

        // key: tag, length, 36 bytes; then the payload type.
        #expect(Array(bytes[38..<42]) == [0x12, 0x02, 0x03, 0x01])
    }

    @Test func recordsSignedByAnotherPeerAreRefused() throws {
        let key = try PrivateKey.generate(.ed25519)
        let stranger = try PrivateKey.generate(.ed25519)
        let envelope = try SignedEnvelope(
            bytes: Self.record(of: key).sealed(by: key),
            domain: PeerRecord.domain,
            payloadType: PeerRecord.payloadType
        )
        let forged = try SignedEnvelope(
            payload: envelope.payload,
            payloadType: PeerRecord.payloadType,
            domain: PeerRecord.domain,
            key: stranger
        )

        #expect(throws: RecordError.peerIDMismatch) { try PeerRecord(envelope: forged.bytes) }
        #expect(throws: RecordError.peerIDMismatch) { try Self.record(of: key).sealed(by: stranger) }
    }

    @Test func envelopesForAnotherDomainOrTypeAreRefused() throws {
        let key = try PrivateKey.generate(.ed25519)
        let payload = Array("payload".utf8)
        let otherDomain = try SignedEnvelope(
            payload: payload,
            payloadType: PeerRecord.payloadType,
            domain: "x",
            key: key
        )
        let otherType = try SignedEnvelope(payload: payload, payloadType: [0x03], domain: PeerRecord.domain, key: key)

        #expect(throws: RecordError.invalidSignature) { try PeerRecord(envelope: otherDomain.bytes) }
        #expect(throws: RecordError.unexpectedPayloadType) { try PeerRecord(envelope: otherType.bytes) }
        #expect(try SignedEnvelope(bytes: otherType.bytes, domain: PeerRecord.domain, payloadType: [0x03]) == otherType)
    }

    @Test func noByteOfAnEnvelopeCanBeAltered() throws {
        let key = try PrivateKey.generate(.ed25519)
        let bytes = try Self.record(of: key).sealed(by: key)
        for position in bytes.indices {
            var altered = bytes
            altered[position] ^= 0x10
            #expect(throws: RecordError.self, "byte \(position)") { try PeerRecord(envelope: altered) }
        }
        for count in 0..<bytes.count {
            #expect(throws: RecordError.self) { try PeerRecord(envelope: Array(bytes.prefix(count))) }
        }
    }

    @Test func emptyAndUnreadableAddressesAreLeftOut() throws {
        let key = try PrivateKey.generate(.ed25519)
        let good = try Multiaddr(Self.addresses[0]).bytes
        let infos: [[UInt8]] = [[], [0x0A, 0x00], [0x0A, 0x02, 0xFF, 0xFF], [0x0A, UInt8(good.count)] + good]
        var payload: [UInt8] = [0x0A, UInt8(key.peerID.bytes.count)] + key.peerID.bytes + [0x10, 0x05]
        for info in infos { payload += [0x1A, UInt8(info.count)] + info }
        let envelope = try SignedEnvelope(
            payload: payload,
            payloadType: PeerRecord.payloadType,
            domain: PeerRecord.domain,
            key: key
        )

        let record = try PeerRecord(envelope: envelope.bytes)

        #expect(record.addresses.map(\.bytes) == [good])
        #expect(record.sequence == 5)
    }

    @Test func addressesBeyondTheLimitAreNotKept() throws {
        let key = try PrivateKey.generate(.ed25519)
        let addresses = try (0..<100).map { try Multiaddr("/ip4/192.0.2.7/tcp/\($0 + 1)") }
        let record = PeerRecord(peerID: key.peerID, sequence: 1, addresses: addresses)

        #expect(record.addresses == Array(addresses.prefix(64)))
        #expect(try PeerRecord(envelope: record.sealed(by: key)).addresses.count == 64)
    }

    @Test func longRecordsAreCutToWhatOthersAccept() throws {
        let key = try PrivateKey.generate(.ed25519)
        let name = String(repeating: "a", count: 60) + "."
        let host = String(repeating: name, count: 4) + "example"
        let addresses = try (0..<64).map { try Multiaddr("/dns4/\(host)/tcp/\($0 + 1)") }
        let record = PeerRecord(peerID: key.peerID, sequence: 1, addresses: addresses)

        let bytes = try record.sealed(by: key)

        #expect(bytes.count <= 8192)
        let read = try PeerRecord(envelope: bytes).addresses
        #expect(read.count > 20)
        #expect(read == Array(addresses.prefix(read.count)))
    }

    @Test func envelopesAboveTheLimitAreRefusedUnread() throws {
        #expect(throws: RecordError.tooLarge) { try PeerRecord(envelope: [UInt8](repeating: 0xFF, count: 8193)) }
        #expect(throws: RecordError.malformed("envelope: badVarint")) {
            try PeerRecord(envelope: [UInt8](repeating: 0xFF, count: 8192))
        }
        #expect(throws: RecordError.tooLarge) {
            let key = try PrivateKey.generate(.ed25519)
            return try SignedEnvelope(
                payload: [UInt8](repeating: 0, count: 8192),
                payloadType: [1],
                domain: "x",
                key: key
            )
        }
    }

    @Test func mutatedEnvelopesNeverTrap() throws {
        let key = try PrivateKey(protobuf: KeyVectors.ed25519Private)
        let envelope = try Self.record(of: key).sealed(by: key)
        let payload = try SignedEnvelope(
            bytes: envelope,
            domain: PeerRecord.domain,
            payloadType: PeerRecord.payloadType
        ).payload
        var random = SplitMix64(seed: 0x5EED_0002)
        for _ in 0..<2000 {
            var bytes = envelope
            random.mutate(&bytes)
            _ = try? PeerRecord(envelope: bytes)
            var altered = payload
            random.mutate(&altered)
            let signed = try SignedEnvelope(
                payload: altered,
                payloadType: PeerRecord.payloadType,
                domain: PeerRecord.domain,
                key: key
            )
            _ = try? PeerRecord(envelope: signed.bytes)
        }
    }
}
