import CNIOBoringSSL
import LibP2PCore
import NIOSSL

/// A self-signed certificate whose key a host key vouches for. libp2p/specs tls/tls.md §"Peer Authentication".
struct TLSCertificate {
    let certificate: NIOSSLCertificate
    let privateKey: NIOSSLPrivateKey

    /// Not before one hour ago: the peer's clock may be late.
    static let backdatedSeconds: Int64 = 3600
    /// About a hundred years. A certificate lives as long as its process; only bad clocks could meet the end of it.
    static let validitySeconds: Int64 = 100 * 365 * 24 * 3600

    /// Makes a fresh ECDSA P-256 key and its certificate.
    ///
    /// - Parameter now: seconds since 1970.
    static func make(hostKey: PrivateKey, now: Int64) throws(SecurityError) -> TLSCertificate {
        let (certificate, privateKey) = try self.encoded(hostKey: hostKey, now: now)
        do {
            return TLSCertificate(
                certificate: try NIOSSLCertificate(bytes: certificate, format: .der),
                privateKey: try NIOSSLPrivateKey(bytes: privateKey, format: .der)
            )
        } catch {
            throw .handshakeFailed("own certificate was refused: \(error)")
        }
    }

    /// The same, as DER: the certificate and the private key.
    static func encoded(
        hostKey: PrivateKey,
        now: Int64
    ) throws(SecurityError) -> (certificate: [UInt8], privateKey: [UInt8]) {
        defer { ERR_clear_error() }
        guard let key = self.freshKey() else { throw .handshakeFailed("no key for the certificate") }
        defer { EVP_PKEY_free(key) }
        guard let privateKey = DER.encode({ i2d_PrivateKey(key, $0) }) else {
            throw .handshakeFailed("key of the certificate cannot be written")
        }
        return (try self.encoded(hostKey: hostKey, key: key, now: now), privateKey)
    }

    /// A certificate for a given key.
    ///
    /// - Parameter customize: alters it before it is signed; tests make bad certificates so.
    static func encoded(
        hostKey: PrivateKey,
        key: OpaquePointer,
        now: Int64,
        customize: (OpaquePointer) -> Void = { _ in }
    ) throws(SecurityError) -> [UInt8] {
        guard let subjectPublicKeyInfo = DER.encode({ i2d_PUBKEY(key, $0) }) else {
            throw .handshakeFailed("key of the certificate cannot be written")
        }
        let signedKey = try self.signedKey(hostKey, subjectPublicKeyInfo)
        guard let certificate = X509_new() else { throw .handshakeFailed("no memory for a certificate") }
        defer { X509_free(certificate) }
        let isFilled =
            X509_set_version(certificate, CLong(X509_VERSION_3)) == 1
            && self.setSerialNumber(of: certificate)
            && self.setNames(of: certificate)
            && ASN1_TIME_adj(X509_getm_notBefore(certificate), now - self.backdatedSeconds, 0, 0) != nil
            && ASN1_TIME_adj(X509_getm_notAfter(certificate), now + self.validitySeconds, 0, 0) != nil
            && X509_set_pubkey(certificate, key) == 1
            && self.addExtension(signedKey, to: certificate)
        customize(certificate)
        guard isFilled, X509_sign(certificate, key, EVP_sha256()) > 0,
            let der = DER.encode({ i2d_X509(certificate, $0) })
        else { throw .handshakeFailed("certificate cannot be made") }
        return der
    }

    static func freshKey() -> OpaquePointer? {
        guard let ecKey = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1) else { return nil }
        defer { EC_KEY_free(ecKey) }
        guard EC_KEY_generate_key(ecKey) == 1, let key = EVP_PKEY_new() else { return nil }
        guard EVP_PKEY_set1_EC_KEY(key, ecKey) == 1 else {
            EVP_PKEY_free(key)
            return nil
        }
        return key
    }

    /// DER `SignedKey`: the host's public key and its signature over the prefix and the certificate's key.
    private static func signedKey(
        _ hostKey: PrivateKey,
        _ subjectPublicKeyInfo: [UInt8]
    ) throws(SecurityError) -> [UInt8] {
        let signature: [UInt8]
        do {
            signature = try hostKey.sign(LibP2PExtension.signedBytes(subjectPublicKeyInfo))
        } catch {
            throw .handshakeFailed("host key cannot sign")
        }
        guard let extensionValue = LibP2PExtension.encode(publicKey: hostKey.publicKey.protobuf, signature: signature)
        else { throw .handshakeFailed("certificate extension cannot be written") }
        return extensionValue
    }

    /// 63 random bits: positive and, as RFC 5280 §4.1.2.2 wants it, not guessable.
    private static func setSerialNumber(of certificate: OpaquePointer) -> Bool {
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), SystemRandom.uint64() >> 1 | 1) == 1
    }

    /// Subject and issuer are the same random number: they tell nothing, yet go's X.509 wants them non-empty.
    private static func setNames(of certificate: OpaquePointer) -> Bool {
        let text = Array(String(SystemRandom.uint64()).utf8)
        guard let name = X509_get_subject_name(certificate) else { return false }
        let isNamed = X509_NAME_add_entry_by_txt(
            name,
            "serialNumber",
            V_ASN1_PRINTABLESTRING,
            text,
            ossl_ssize_t(text.count),
            -1,
            0
        )
        return isNamed == 1 && X509_set_issuer_name(certificate, name) == 1
    }

    private static func addExtension(_ value: [UInt8], to certificate: OpaquePointer) -> Bool {
        guard let object = LibP2PExtension.makeObjectIdentifier() else { return false }
        defer { ASN1_OBJECT_free(object) }
        guard let string = ASN1_OCTET_STRING_new() else { return false }
        defer { ASN1_OCTET_STRING_free(string) }
        guard ASN1_OCTET_STRING_set(string, value, CInt(value.count)) == 1,
            let ext = X509_EXTENSION_create_by_OBJ(nil, object, 0, string)
        else { return false }
        defer { X509_EXTENSION_free(ext) }
        return X509_add_ext(certificate, ext, -1) == 1
    }
}
