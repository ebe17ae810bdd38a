import CSodium

/// Bytes that nobody copies by accident and that are wiped with the last reference.
public final class SecretBytes: @unchecked Sendable {
    // Unchecked: the memory is written in the initialiser only, before anyone else has the object.

    public let count: Int

    private let base: UnsafeMutableRawPointer

    /// Makes `count` zero bytes and lets `fill` write them.
    public init<Failure: Error>(
        count: Int,
        _ fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        self.count = count
        self.base = UnsafeMutableRawPointer.allocate(byteCount: max(count, 1), alignment: 16)
        self.base.initializeMemory(as: UInt8.self, repeating: 0, count: max(count, 1))
        try fill(UnsafeMutableRawBufferPointer(start: self.base, count: count))
    }

    /// Copies the bytes; the caller still owns (and wipes) the original.
    public convenience init(copying bytes: [UInt8]) {
        self.init(count: bytes.count) { $0.copyBytes(from: bytes) }
    }

    /// Fresh random bytes.
    public static func random(count: Int) -> SecretBytes {
        SecretBytes(count: count) { SystemRandom.fill($0) }
    }

    /// Gives the bytes for the time of the call; the pointer must not be kept.
    @inlinable
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(self.bytes)
    }

    /// A copy; the caller wipes it.
    public func copyBytes() -> [UInt8] { Array(self.bytes) }

    @usableFromInline
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: self.base, count: self.count) }

    /// As `withUnsafeBytes`, for C functions that take no null.
    func withUnsafePointer<Result>(_ body: (UnsafePointer<UInt8>) -> Result) -> Result {
        body(UnsafePointer(self.base.assumingMemoryBound(to: UInt8.self)))
    }

    deinit {
        sodium_memzero(self.base, self.count)
        self.base.deallocate()
    }
}

extension SecretBytes {
    /// Overwrites an array that held a secret and empties it. Other copies of the array are not reached.
    public static func wipe(_ bytes: inout [UInt8]) {
        bytes.withUnsafeMutableBytes { buffer in
            if let base = buffer.baseAddress { sodium_memzero(base, buffer.count) }
        }
        bytes = []
    }
}

extension SecretBytes: CustomStringConvertible, CustomReflectable {
    public var description: String { "SecretBytes(\(self.count) bytes)" }

    public var customMirror: Mirror { Mirror(self, children: []) }
}
