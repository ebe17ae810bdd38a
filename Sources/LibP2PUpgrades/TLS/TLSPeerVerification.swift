import CNIOBoringSSL
import LibP2PCore
import Multiformats

/// Judges the certificates of a peer. libp2p/specs tls/tls.md §"Peer Authentication".
struct TLSPeerVerification: Sendable {
    /// Who a peer has proven to be.
    struct Identity: Sendable, Hashable {
        let peerID: PeerID
        let publicKey: PublicKey
    }

    let localPeer: PeerID?
    /// Nil: anyone but ourselves.
    let expectedPeer: PeerID?

    /// Verifies the chain a peer has sent and tells who it is.
    ///
    /// What is cheap to refuse is refused before any signature is checked.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Throws: `.handshakeFailed`, `.peerIDMismatch`, `.selfDial`.
    func verify(_ chain: [[UInt8]], now: Int64) throws(SecurityError) -> Identity {
        defer { ERR_clear_error() }
        guard chain.count == 1, let der = chain.first else {
            throw .handshakeFailed("peer sent \(chain.count) certificates instead of one")
        }
        let publicKey = try PeerCertificate(der).verifiedHostKey(now: now)
        let peerID = publicKey.peerID
        if let expectedPeer, expectedPeer != peerID {
            throw .peerIDMismatch(expected: expectedPeer, actual: peerID)
        }
        guard peerID != self.localPeer else { throw .selfDial }
        return Identity(peerID: peerID, publicKey: publicKey)
    }
}

/// A certificate as received. Owns BoringSSL's object.
private struct PeerCertificate: ~Copyable {
    private let x509: OpaquePointer

    init(_ der: [UInt8]) throws(SecurityError) {
        guard der.count <= TLSContextCache.maximumCertificateBytes else {
            throw .handshakeFailed("certificate is too long")
        }
        guard let buffer = CRYPTO_BUFFER_new(der, der.count, nil) else { throw .handshakeFailed("no memory") }
        defer { CRYPTO_BUFFER_free(buffer) }
        guard let x509 = X509_parse_from_buffer(buffer) else { throw .handshakeFailed("certificate is malformed") }
        self.x509 = x509
    }

    deinit {
        X509_free(self.x509)
    }

    func verifiedHostKey(now: Int64) throws(SecurityError) -> PublicKey {
        try self.checkForm()
        try self.checkTime(now)
        let signedKey = try self.signedKey()
        let hostKey: PublicKey
        do {
            hostKey = try PublicKey(protobuf: signedKey.publicKey)
        } catch {
            throw .handshakeFailed("host key in the certificate: \(error)")
        }
        let certificateKey = try self.checkedCertificateKey()
        guard X509_verify(self.x509, certificateKey) == 1 else {
            throw .handshakeFailed("certificate is not signed by its own key")
        }
        guard let subjectPublicKeyInfo = DER.encode({ i2d_PUBKEY(certificateKey, $0) }) else {
            throw .handshakeFailed("key of the certificate cannot be written")
        }
        guard
            hostKey.isValid(
                signature: signedKey.signature,
                for: LibP2PExtension.signedBytes(subjectPublicKeyInfo)
            )
        else { throw .handshakeFailed("host key has not signed the key of the certificate") }
        return hostKey
    }

    private func checkForm() throws(SecurityError) {
        guard X509_get_version(self.x509) == CLong(X509_VERSION_3) else {
            throw .handshakeFailed("certificate is not of version 3")
        }
        var issuerID: UnsafePointer<ASN1_BIT_STRING>?
        var subjectID: UnsafePointer<ASN1_BIT_STRING>?
        X509_get0_uids(self.x509, &issuerID, &subjectID)
        guard issuerID == nil, subjectID == nil else {
            throw .handshakeFailed("certificate has deprecated unique IDs")
        }
        guard Self.signatureAlgorithms.contains(X509_get_signature_nid(self.x509)) else {
            throw .handshakeFailed("certificate is signed with an algorithm that is not accepted")
        }
    }

    private func checkTime(_ now: Int64) throws(SecurityError) {
        // -1: not later than `now`; 1: later; 0: no time at all.
        guard X509_cmp_time_posix(X509_get0_notBefore(self.x509), now) < 0 else {
            throw .handshakeFailed("certificate is not valid yet")
        }
        guard X509_cmp_time_posix(X509_get0_notAfter(self.x509), now) > 0 else {
            throw .handshakeFailed("certificate has expired")
        }
    }

    /// The libp2p extension. No other critical one is accepted unless X.509 itself gives it a meaning.
    private func signedKey() throws(SecurityError) -> LibP2PExtension {
        guard let libp2p = LibP2PExtension.makeObjectIdentifier() else { throw .handshakeFailed("no memory") }
        defer { ASN1_OBJECT_free(libp2p) }
        var found: LibP2PExtension?
        for index in 0..<X509_get_ext_count(self.x509) {
            guard let ext = X509_get_ext(self.x509, index) else { continue }
            let object = X509_EXTENSION_get_object(ext)
            if OBJ_cmp(object, libp2p) == 0 {
                guard found == nil else { throw .handshakeFailed("certificate has two libp2p extensions") }
                guard let data = X509_EXTENSION_get_data(ext),
                    let signedKey = LibP2PExtension(
                        UnsafeBufferPointer(start: ASN1_STRING_get0_data(data), count: Int(ASN1_STRING_length(data)))
                    )
                else { throw .handshakeFailed("libp2p extension is malformed") }
                found = signedKey
            } else if X509_EXTENSION_get_critical(ext) != 0 {
                guard Self.understoodExtensions.contains(OBJ_obj2nid(object)) else {
                    throw .handshakeFailed("certificate has an unknown critical extension")
                }
            }
        }
        guard let found else { throw .handshakeFailed("certificate lacks the libp2p extension") }
        return found
    }

    /// The certificate's key, of a kind and size that can be verified with at bounded cost.
    private func checkedCertificateKey() throws(SecurityError) -> OpaquePointer {
        guard let key = X509_get0_pubkey(self.x509) else {
            throw .handshakeFailed("key of the certificate cannot be read")
        }
        switch EVP_PKEY_id(key) {
        case EVP_PKEY_EC, EVP_PKEY_ED25519:
            return key
        case EVP_PKEY_RSA:
            guard (2048...8192).contains(EVP_PKEY_bits(key)) else {
                throw .handshakeFailed("RSA key of the certificate has \(EVP_PKEY_bits(key)) bits")
            }
            return key
        default:
            throw .handshakeFailed("key of the certificate is of an unsupported kind")
        }
    }

    /// Nothing with MD5 or SHA-1.
    private static let signatureAlgorithms: Set<CInt> = [
        NID_ecdsa_with_SHA256, NID_ecdsa_with_SHA384, NID_ecdsa_with_SHA512, NID_ED25519,
        NID_sha256WithRSAEncryption, NID_sha384WithRSAEncryption, NID_sha512WithRSAEncryption, NID_rsassaPss,
    ]

    /// They restrict what certificate authorities and web servers may do, which no libp2p peer is.
    private static let understoodExtensions: Set<CInt> = [
        NID_basic_constraints, NID_key_usage, NID_ext_key_usage, NID_subject_alt_name,
    ]
}

extension TLSUpgrade {
    /// Feeds bytes to what judges a peer's certificate; must not trap. For tests and fuzzing.
    package static func fuzz(_ bytes: [UInt8]) {
        _ = try? TLSPeerVerification(localPeer: nil, expectedPeer: nil).verify([bytes], now: 1_800_000_000)
    }
}
