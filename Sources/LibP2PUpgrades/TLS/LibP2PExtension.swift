import CNIOBoringSSL
import LibP2PCore

/// The certificate extension that carries a host key. libp2p/specs tls/tls.md §"libp2p Public Key Extension".
///
/// DER `SignedKey ::= SEQUENCE { publicKey OCTET STRING, signature OCTET STRING }`.
struct LibP2PExtension {
    static let objectIdentifier = "1.3.6.1.4.1.53594.1.1"

    private static let prefix = Array("libp2p-tls-handshake:".utf8)

    /// The `PublicKey` protobuf.
    let publicKey: [UInt8]
    let signature: [UInt8]

    /// Reads the value of the extension; nil unless it is exactly one `SignedKey`.
    init?(_ value: UnsafeBufferPointer<UInt8>) {
        var reader = CBS()
        CBS_init(&reader, value.baseAddress, value.count)
        var sequence = CBS()
        guard CBS_get_asn1(&reader, &sequence, Self.sequenceTag) == 1, CBS_len(&reader) == 0,
            let publicKey = Self.octetString(&sequence),
            let signature = Self.octetString(&sequence),
            CBS_len(&sequence) == 0
        else { return nil }
        self.publicKey = publicKey
        self.signature = signature
    }

    static func encode(publicKey: [UInt8], signature: [UInt8]) -> [UInt8]? {
        var builder = CBB()
        guard CBB_init(&builder, 256) == 1 else { return nil }
        defer { CBB_cleanup(&builder) }
        var sequence = CBB()
        guard CBB_add_asn1(&builder, &sequence, self.sequenceTag) == 1,
            CBB_add_asn1_octet_string(&sequence, publicKey, publicKey.count) == 1,
            CBB_add_asn1_octet_string(&sequence, signature, signature.count) == 1,
            CBB_flush(&builder) == 1
        else { return nil }
        return Array(UnsafeBufferPointer(start: CBB_data(&builder), count: CBB_len(&builder)))
    }

    /// What the host key signs: a prefix that no other protocol uses, and the certificate's SubjectPublicKeyInfo.
    static func signedBytes(_ subjectPublicKeyInfo: [UInt8]) -> [UInt8] {
        self.prefix + subjectPublicKeyInfo
    }

    /// The caller frees it.
    static func makeObjectIdentifier() -> OpaquePointer? {
        OBJ_txt2obj(self.objectIdentifier, 1)
    }

    // ASN.1 universal tags as CBS counts them: number, and bit 29 for constructed types.
    private static let sequenceTag: CBS_ASN1_TAG = 0x2000_0010
    private static let octetStringTag: CBS_ASN1_TAG = 0x04

    private static func octetString(_ reader: inout CBS) -> [UInt8]? {
        var content = CBS()
        guard CBS_get_asn1(&reader, &content, self.octetStringTag) == 1 else { return nil }
        return Array(UnsafeBufferPointer(start: CBS_data(&content), count: CBS_len(&content)))
    }
}

/// Writes DER through BoringSSL's `i2d` functions.
enum DER {
    /// Gives `write` a null pointer, which makes it allocate; nil when it fails.
    static func encode(_ write: (UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>) -> CInt) -> [UInt8]? {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = write(&bytes)
        guard count > 0, let bytes else { return nil }
        defer { OPENSSL_free(bytes) }
        return Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
    }
}
