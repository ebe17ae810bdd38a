import CSodium

/// Random bytes from the system, fit for keys.
public enum SystemRandom {
    public static func bytes(count: Int) -> [UInt8] {
        Sodium.initialise()
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialised in
            if let base = buffer.baseAddress { randombytes_buf(base, count) }
            initialised = count
        }
    }

    /// Fills the buffer.
    public static func fill(_ buffer: UnsafeMutableRawBufferPointer) {
        Sodium.initialise()
        if let base = buffer.baseAddress { randombytes_buf(base, buffer.count) }
    }

    public static func uint64() -> UInt64 {
        var value: UInt64 = 0
        withUnsafeMutableBytes(of: &value) { self.fill($0) }
        return value
    }
}
