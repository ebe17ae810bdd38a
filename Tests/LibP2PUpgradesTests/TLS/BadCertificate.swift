import CNIOBoringSSL
import LibP2PCore

@testable import LibP2PUpgrades

/// Certificates that differ from good ones in one respect.
enum BadCertificate {
    static func make(rsaBits: Int? = nil, _ customize: (OpaquePointer) -> Void = { _ in }) throws -> [UInt8] {
        struct NoKey: Error {}
        let key = rsaBits.map { self.rsaKey(bits: $0) } ?? TLSCertificate.freshKey()
        guard let key else { throw NoKey() }
        defer { EVP_PKEY_free(key) }
        return try TLSCertificate.encoded(
            hostKey: .generate(.ed25519),
            key: key,
            now: TLSPeerVerificationTests.now,
            customize: customize
        )
    }

    static func removeExtensions(of certificate: OpaquePointer) {
        while let removed = X509_delete_ext(certificate, 0) {
            X509_EXTENSION_free(removed)
        }
    }

    static func replaceExtension(of certificate: OpaquePointer, with value: [UInt8]) {
        self.removeExtensions(of: certificate)
        self.add(LibP2PExtension.objectIdentifier, critical: false, value, to: certificate)
    }

    static func markCritical(_ certificate: OpaquePointer) {
        X509_EXTENSION_set_critical(X509_get_ext(certificate, 0), 1)
    }

    static func add(_ identifier: String, critical: Bool, _ value: [UInt8], to certificate: OpaquePointer) {
        let object = OBJ_txt2obj(identifier, 1)
        defer { ASN1_OBJECT_free(object) }
        let string = ASN1_OCTET_STRING_new()
        defer { ASN1_OCTET_STRING_free(string) }
        ASN1_OCTET_STRING_set(string, value, CInt(value.count))
        let ext = X509_EXTENSION_create_by_OBJ(nil, object, critical ? 1 : 0, string)
        defer { X509_EXTENSION_free(ext) }
        X509_add_ext(certificate, ext, -1)
    }

    /// A `PublicKey` protobuf with a modulus of 16384 bits.
    static var hugeRSAKey: [UInt8] {
        func der(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
            let count = content.count
            let length: [UInt8] = count < 0x80 ? [UInt8(count)] : [0x82, UInt8(count >> 8), UInt8(count & 0xFF)]
            return [tag] + length + content
        }
        let key = der(0x30, der(0x02, [0] + [UInt8](repeating: 0xFF, count: 2048)) + [0x02, 0x03, 1, 0, 1])
        let info = der(0x30, CertificateVectors.bytes("300d06092a864886f70d0101010500") + der(0x03, [0] + key))
        return [0x08, 0x00, 0x12, UInt8(info.count & 0x7F | 0x80), UInt8(info.count >> 7)] + info
    }

    private static func rsaKey(bits: Int) -> OpaquePointer? {
        let rsa = RSA_new()
        defer { RSA_free(rsa) }
        let exponent = BN_new()
        defer { BN_free(exponent) }
        BN_set_word(exponent, 65_537)
        guard RSA_generate_key_ex(rsa, CInt(bits), exponent, nil) == 1 else { return nil }
        let key = EVP_PKEY_new()
        EVP_PKEY_set1_RSA(key, rsa)
        return key
    }
}
