import CNIOBoringSSL

/// HMAC with SHA-256. RFC 2104.
public enum HMACSHA256 {
    /// Writes the 32 bytes of the code to the start of `output`, which must hold as many.
    ///
    /// - Throws: `.signingFailed` when `output` is too short or there is no memory.
    public static func authenticate(
        _ message: UnsafeRawBufferPointer,
        key: UnsafeRawBufferPointer,
        into output: UnsafeMutableRawBufferPointer
    ) throws(KeyError) {
        guard output.count >= SHA256.byteCount else { throw .signingFailed }
        var length: UInt32 = 0
        let result = HMAC(
            EVP_sha256(),
            key.baseAddress,
            key.count,
            message.baseAddress?.assumingMemoryBound(to: UInt8.self),
            message.count,
            output.baseAddress?.assumingMemoryBound(to: UInt8.self),
            &length
        )
        guard result != nil else { throw .signingFailed }
    }

    /// The code of `message`, 32 bytes.
    public static func authenticate(_ message: [UInt8], key: [UInt8]) throws(KeyError) -> [UInt8] {
        var code = [UInt8](repeating: 0, count: SHA256.byteCount)
        var length: UInt32 = 0
        guard HMAC(EVP_sha256(), key, key.count, message, message.count, &code, &length) != nil else {
            throw .signingFailed
        }
        return code
    }
}

/// HKDF with SHA-256 as the Noise framework uses it: RFC 5869 with empty info. Noise revision 34 §4.3.
public enum HKDFSHA256 {
    /// Derives two keys of 32 bytes.
    ///
    /// - Parameter input: secret input of any length; empty is allowed (Noise's `Split`).
    public static func deriveTwo(
        chainingKey: SecretBytes,
        input: UnsafeRawBufferPointer
    ) throws(KeyError) -> (SecretBytes, SecretBytes) {
        let temporaryKey = try self.authenticate(input, key: chainingKey)
        let first = try self.expand(temporaryKey, previous: nil, counter: 1)
        let second = try self.expand(temporaryKey, previous: first, counter: 2)
        return (first, second)
    }

    /// Derives two keys of 32 bytes from a secret.
    public static func deriveTwo(
        chainingKey: SecretBytes,
        input: SecretBytes
    ) throws(KeyError) -> (SecretBytes, SecretBytes) {
        try input.withUnsafeBytes { input throws(KeyError) in
            try self.deriveTwo(chainingKey: chainingKey, input: input)
        }
    }

    /// Derives three keys of 32 bytes (Noise's `MixKeyAndHash`).
    public static func deriveThree(
        chainingKey: SecretBytes,
        input: UnsafeRawBufferPointer
    ) throws(KeyError) -> (SecretBytes, SecretBytes, SecretBytes) {
        let temporaryKey = try self.authenticate(input, key: chainingKey)
        let first = try self.expand(temporaryKey, previous: nil, counter: 1)
        let second = try self.expand(temporaryKey, previous: first, counter: 2)
        let third = try self.expand(temporaryKey, previous: second, counter: 3)
        return (first, second, third)
    }

    private static func expand(
        _ temporaryKey: SecretBytes,
        previous: SecretBytes?,
        counter: UInt8
    ) throws(KeyError) -> SecretBytes {
        let message = SecretBytes(count: (previous?.count ?? 0) + 1) { buffer in
            previous?.withUnsafeBytes { buffer.copyMemory(from: $0) }
            buffer[buffer.count - 1] = counter
        }
        return try message.withUnsafeBytes { message throws(KeyError) in
            try self.authenticate(message, key: temporaryKey)
        }
    }

    private static func authenticate(
        _ message: UnsafeRawBufferPointer,
        key: SecretBytes
    ) throws(KeyError) -> SecretBytes {
        try SecretBytes(count: SHA256.byteCount) { output throws(KeyError) in
            try key.withUnsafeBytes { key throws(KeyError) in
                try HMACSHA256.authenticate(message, key: key, into: output)
            }
        }
    }
}
