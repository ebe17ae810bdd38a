/// A payload with the signature of a peer, made for one purpose (domain) and type of payload. libp2p/specs RFC 0002.
///
/// Values exist only with a valid signature.
public struct SignedEnvelope: Sendable, Hashable {
    /// The longest envelope that is read. go-libp2p bounds signed peer records, the only ones in use, by the same number.
    public static let maximumBytes = 8192

    /// Who signed.
    public let publicKey: PublicKey
    /// What the payload is: the bytes of a multicodec.
    public let payloadType: [UInt8]
    public let payload: [UInt8]
    /// The protobuf, as received or as made.
    public let bytes: [UInt8]

    /// Reads an envelope and verifies it.
    ///
    /// - Parameters:
    ///   - domain: the purpose it must have been signed for.
    ///   - payloadType: what it must hold; a different one costs no signature check.
    /// - Throws: `.tooLarge`, `.malformed`, `.unexpectedPayloadType`, `.invalidSignature`.
    public init(bytes: [UInt8], domain: String, payloadType expectedType: [UInt8]) throws(RecordError) {
        guard bytes.count <= Self.maximumBytes else { throw .tooLarge }
        let fields = try Fields(bytes)
        guard fields.payloadType == expectedType else { throw .unexpectedPayloadType }
        let publicKey: PublicKey
        do {
            publicKey = try PublicKey(protobuf: fields.publicKey)
        } catch {
            throw .malformed("envelope key: \(error)")
        }
        let signed = Self.signedBytes(domain: domain, payloadType: fields.payloadType, payload: fields.payload)
        guard publicKey.isValid(signature: fields.signature, for: signed) else { throw .invalidSignature }
        self.publicKey = publicKey
        self.payloadType = fields.payloadType
        self.payload = fields.payload
        self.bytes = bytes
    }

    /// Signs a payload.
    ///
    /// - Throws: `.signingFailed`; `.tooLarge` when others would not accept the envelope.
    public init(payload: [UInt8], payloadType: [UInt8], domain: String, key: PrivateKey) throws(RecordError) {
        let signature: [UInt8]
        do {
            signature = try key.sign(Self.signedBytes(domain: domain, payloadType: payloadType, payload: payload))
        } catch {
            throw .signingFailed
        }
        var bytes: [UInt8] = []
        bytes.appendProtobuf(field: 1, bytes: key.publicKey.protobuf)
        bytes.appendProtobuf(field: 2, bytes: payloadType)
        bytes.appendProtobuf(field: 3, bytes: payload)
        bytes.appendProtobuf(field: 5, bytes: signature)
        guard bytes.count <= Self.maximumBytes else { throw .tooLarge }
        self.publicKey = key.publicKey
        self.payloadType = payloadType
        self.payload = payload
        self.bytes = bytes
    }

    /// varint length ‖ domain ‖ varint length ‖ payload type ‖ varint length ‖ payload. RFC 0002 §"Signature Production / Verification".
    private static func signedBytes(domain: String, payloadType: [UInt8], payload: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        for part in [Array(domain.utf8), payloadType, payload] {
            bytes.appendProtobufVarint(UInt64(part.count))
            bytes.append(contentsOf: part)
        }
        return bytes
    }

    private struct Fields {
        var publicKey: [UInt8] = []
        var payloadType: [UInt8] = []
        var payload: [UInt8] = []
        var signature: [UInt8] = []

        init(_ bytes: [UInt8]) throws(RecordError) {
            var reader = ProtobufReader(bytes[...])
            do throws(ProtobufError) {
                while let field = try reader.next() {
                    switch field {
                    case .bytes(1, let value): self.publicKey = Array(value)
                    case .bytes(2, let value): self.payloadType = Array(value)
                    case .bytes(3, let value): self.payload = Array(value)
                    case .bytes(5, let value): self.signature = Array(value)
                    case .bytes, .varint, .fixed: break
                    }
                }
            } catch {
                throw .malformed("envelope: \(error)")
            }
        }
    }
}
