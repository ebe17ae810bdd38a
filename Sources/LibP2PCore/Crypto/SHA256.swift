import CNIOBoringSSL

/// SHA-256, in one call or piece by piece. FIPS 180-4.
public struct SHA256: Sendable {
    /// Bytes of a digest.
    public static let byteCount = 32

    private var context = SHA256_CTX()

    public init() {
        SHA256_Init(&self.context)
    }

    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress else { return }
        SHA256_Update(&self.context, base, bytes.count)
    }

    public mutating func update(_ bytes: [UInt8]) {
        bytes.withUnsafeBytes { self.update($0) }
    }

    /// The digest of all that was given. The object is used up.
    public consuming func finalize() -> [UInt8] {
        var context = self.context
        return [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, initialised in
            SHA256_Final(buffer.baseAddress, &context)
            initialised = Self.byteCount
        }
    }

    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        bytes.withUnsafeBytes { self.hash($0) }
    }

    public static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finalize()
    }
}
