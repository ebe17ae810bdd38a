import CNIOBoringSSL

/// The forms other programs keep private keys in: DER PrivateKeyInfo (RFC 5208, what PEM's "PRIVATE KEY" wraps).
extension PrivateKey {
    /// Reads PrivateKeyInfo of an RSA, ECDSA (NIST curves) or Ed25519 key.
    ///
    /// - Throws: `.malformed`; `.rsaKeyTooSmall` and `.rsaKeyTooLarge` outside 2048…8192 bits.
    public init(pkcs8: [UInt8]) throws(KeyError) {
        defer { ERR_clear_error() }
        let algorithms = [
            EVP_pkey_rsa(), EVP_pkey_ed25519(), EVP_pkey_ec_p256(), EVP_pkey_ec_p384(), EVP_pkey_ec_p521(),
            EVP_pkey_ec_p224(),
        ]
        guard pkcs8.count <= KeyProtobuf.maximumBytes,
            let key = EVP_PKEY_from_private_key_info(pkcs8, pkcs8.count, algorithms, algorithms.count)
        else { throw .malformed("not a PKCS #8 private key of a supported type") }
        defer { EVP_PKEY_free(key) }
        var (type, data) = try Self.secret(of: key)
        defer { SecretBytes.wipe(&data) }
        try self.init(type: type, data: data)
    }

    /// The key as PrivateKeyInfo. Secret: the caller wipes it.
    ///
    /// - Throws: `.unsupportedType` for secp256k1, which the library behind this does not know.
    public func pkcs8() throws(KeyError) -> [UInt8] {
        defer { ERR_clear_error() }
        guard let key = EVP_PKEY_new() else { throw .generationFailed }
        var owned: OpaquePointer? = key
        defer { EVP_PKEY_free(owned) }
        var data = self.signer.secretData()
        defer { SecretBytes.wipe(&data) }
        switch self.type {
        case .rsa:
            let rsa = BoringSSL.parse(data, free: { RSA_free($0) }, { RSA_parse_private_key($0) })
            defer { RSA_free(rsa) }
            EVP_PKEY_set1_RSA(key, rsa)
        case .ecdsa:
            let ecKey = BoringSSL.parse(data, free: { EC_KEY_free($0) }, { EC_KEY_parse_private_key($0, nil) })
            defer { EC_KEY_free(ecKey) }
            EVP_PKEY_set1_EC_KEY(key, ecKey)
        case .ed25519:
            EVP_PKEY_free(key)
            owned = EVP_PKEY_from_raw_private_key(EVP_pkey_ed25519(), data, Ed25519Key.seedByteCount)
        case .secp256k1:
            throw .unsupportedType(UInt64(self.type.rawValue))
        }
        guard let written = owned, let der = BoringSSL.marshal({ EVP_marshal_private_key($0, written) }) else {
            throw .malformed("key cannot be written as PKCS #8")
        }
        return der
    }

    private static func secret(of key: OpaquePointer) throws(KeyError) -> (KeyType, [UInt8]) {
        switch EVP_PKEY_id(key) {
        case EVP_PKEY_RSA:
            guard let rsa = EVP_PKEY_get0_RSA(key), let der = BoringSSL.marshal({ RSA_marshal_private_key($0, rsa) })
            else { break }
            return (.rsa, der)
        case EVP_PKEY_EC:
            guard let ecKey = EVP_PKEY_get0_EC_KEY(key),
                let der = BoringSSL.marshal({ EC_KEY_marshal_private_key($0, ecKey, 0) })
            else { break }
            return (.ecdsa, der)
        case EVP_PKEY_ED25519:
            var seed = [UInt8](repeating: 0, count: Ed25519Key.seedByteCount)
            var count = seed.count
            guard EVP_PKEY_get_raw_private_key(key, &seed, &count) == 1, count == seed.count else { break }
            return (.ed25519, seed)
        default:
            break
        }
        throw .malformed("PKCS #8 key cannot be read")
    }
}
