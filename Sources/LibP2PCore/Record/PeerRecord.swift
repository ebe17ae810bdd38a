public import Multiformats

/// The addresses a peer vouches for itself. libp2p/specs RFC 0003.
public struct PeerRecord: Sendable, Hashable {
    /// What the envelope is signed for.
    public static let domain = "libp2p-peer-record"
    /// The multicodec `libp2p-peer-record`, big endian as every implementation writes it.
    public static let payloadType: [UInt8] = [0x03, 0x01]
    /// More addresses than these are neither written nor kept.
    public static let maximumAddresses = 64

    /// The peer it is about, which has signed it.
    public let peerID: PeerID
    /// Newer records have higher numbers; they say nothing about time.
    public let sequence: UInt64
    /// At most `maximumAddresses`, without empty ones.
    public let addresses: [Multiaddr]

    public init(peerID: PeerID, sequence: UInt64, addresses: [Multiaddr]) {
        self.peerID = peerID
        self.sequence = sequence
        self.addresses = Array(addresses.lazy.filter { !$0.bytes.isEmpty }.prefix(Self.maximumAddresses))
    }

    /// Reads a signed envelope, as identify and the DHT carry it, and verifies that the peer itself has signed it.
    ///
    /// Addresses that cannot be read are left out: they may be of a kind that is newer than this program.
    ///
    /// - Throws: `.tooLarge` above 8 KiB, `.malformed`, `.unexpectedPayloadType`, `.invalidSignature`; `.peerIDMismatch` when the
    ///   signer is not the peer that the record is about.
    public init(envelope bytes: [UInt8]) throws(RecordError) {
        let envelope = try SignedEnvelope(bytes: bytes, domain: Self.domain, payloadType: Self.payloadType)
        let record = try PeerRecord(payload: envelope.payload)
        guard record.peerID == envelope.publicKey.peerID else { throw .peerIDMismatch }
        self = record
    }

    /// The signed envelope that `init(envelope:)` reads.
    ///
    /// Leaves out addresses from the end until the envelope fits into 8 KiB.
    ///
    /// - Throws: `.peerIDMismatch` when `key` is another peer's; `.signingFailed`, `.tooLarge`.
    public func sealed(by key: PrivateKey) throws(RecordError) -> [UInt8] {
        guard key.peerID == self.peerID else { throw .peerIDMismatch }
        var record = self
        // An RSA key of 8192 bits and its signature take about 2.1 KB, type and lengths a few bytes.
        let room = SignedEnvelope.maximumBytes - key.publicKey.protobuf.count - 1200
        while record.payload.count > room, !record.addresses.isEmpty {
            record = PeerRecord(
                peerID: record.peerID,
                sequence: record.sequence,
                addresses: record.addresses.dropLast()
            )
        }
        return try SignedEnvelope(
            payload: record.payload,
            payloadType: Self.payloadType,
            domain: Self.domain,
            key: key
        ).bytes
    }
}

/// protobuf `PeerRecord{bytes peer_id = 1; uint64 seq = 2; repeated AddressInfo{bytes multiaddr = 1} addresses = 3}`.
extension PeerRecord {
    var payload: [UInt8] {
        var bytes: [UInt8] = []
        bytes.appendProtobuf(field: 1, bytes: self.peerID.bytes)
        bytes.appendProtobuf(field: 2, varint: self.sequence)
        for address in self.addresses {
            var info: [UInt8] = []
            info.appendProtobuf(field: 1, bytes: address.bytes)
            bytes.appendProtobuf(field: 3, bytes: info)
        }
        return bytes
    }

    init(payload: [UInt8]) throws(RecordError) {
        var peerID: ArraySlice<UInt8> = []
        var sequence: UInt64 = 0
        var addresses: [Multiaddr] = []
        do throws(ProtobufError) {
            var reader = ProtobufReader(payload[...])
            while let field = try reader.next() {
                switch field {
                case .bytes(1, let value): peerID = value
                case .varint(2, let value): sequence = value
                case .bytes(3, let value) where addresses.count < Self.maximumAddresses:
                    if let address = try Self.address(value) { addresses.append(address) }
                case .bytes, .varint, .fixed: break
                }
            }
        } catch {
            throw .malformed("peer record: \(error)")
        }
        do {
            self.init(peerID: try PeerID(bytes: Array(peerID)), sequence: sequence, addresses: addresses)
        } catch {
            throw .malformed("peer record has no peer ID")
        }
    }

    private static func address(_ info: ArraySlice<UInt8>) throws(ProtobufError) -> Multiaddr? {
        var reader = ProtobufReader(info)
        var bytes: ArraySlice<UInt8> = []
        while let field = try reader.next() {
            if case .bytes(1, let value) = field { bytes = value }
        }
        guard !bytes.isEmpty else { return nil }
        // See `init(envelope:)`: what cannot be read is left out.
        return try? Multiaddr(bytes: Array(bytes))
    }
}
