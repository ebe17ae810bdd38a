import CNIOBoringSSL

/// Ways into BoringSSL that leave nothing behind: no memory, and no error in the thread's queue, which TLS on the same thread reads.
enum BoringSSL {
    /// Gives `parse` a reader over `der` and what it returns if all bytes were consumed.
    ///
    /// - Parameter free: releases what `parse` returned when bytes are left over.
    static func parse<Parsed>(
        _ der: [UInt8],
        free: (Parsed) -> Void,
        _ parse: (UnsafeMutablePointer<CBS>) -> Parsed?
    ) -> Parsed? {
        defer { ERR_clear_error() }
        return der.withUnsafeBufferPointer { bytes in
            var reader = CBS()
            CBS_init(&reader, bytes.baseAddress, bytes.count)
            guard let parsed = parse(&reader) else { return nil }
            guard CBS_len(&reader) == 0 else {
                free(parsed)
                return nil
            }
            return parsed
        }
    }

    /// The bytes that `write` appends, nil when it does not return 1. BoringSSL wipes its own buffers when it frees them.
    static func marshal(_ write: (UnsafeMutablePointer<CBB>) -> CInt) -> [UInt8]? {
        defer { ERR_clear_error() }
        var builder = CBB()
        guard CBB_init(&builder, 256) == 1 else { return nil }
        defer { CBB_cleanup(&builder) }
        guard write(&builder) == 1, CBB_flush(&builder) == 1 else { return nil }
        return Array(UnsafeBufferPointer(start: CBB_data(&builder), count: CBB_len(&builder)))
    }

    /// A public key from DER SubjectPublicKeyInfo, of one of `algorithms` only. The caller frees it.
    static func publicKey(_ subjectPublicKeyInfo: [UInt8], algorithms: [OpaquePointer?]) -> OpaquePointer? {
        defer { ERR_clear_error() }
        return EVP_PKEY_from_subject_public_key_info(
            subjectPublicKeyInfo,
            subjectPublicKeyInfo.count,
            algorithms,
            algorithms.count
        )
    }
}
