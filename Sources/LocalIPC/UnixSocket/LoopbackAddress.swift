import Glibc

/// A numeric loopback address with a port: `127.0.0.0/8` or `::1`.
struct LoopbackAddress {
    private var storage = sockaddr_storage()
    private var length: socklen_t = 0

    var family: CInt { CInt(self.storage.ss_family) }

    /// - Throws: `.systemError` for anything but a loopback address: a local interface is not offered to the network.
    init(host: String, port: Int, endpoint: LocalEndpoint) throws(LocalIPCError) {
        guard let number = UInt16(exactly: port) else {
            throw .systemError(endpoint, "the port must be between 0 and 65535")
        }
        var v4 = sockaddr_in()
        var v6 = sockaddr_in6()
        if inet_pton(AF_INET, host, &v4.sin_addr) == 1 {
            guard UInt32(bigEndian: v4.sin_addr.s_addr) >> 24 == 127 else { throw Self.notLoopback(endpoint) }
            v4.sin_family = sa_family_t(AF_INET)
            v4.sin_port = number.bigEndian
            self.store(v4)
        } else if inet_pton(AF_INET6, host, &v6.sin6_addr) == 1 {
            let bytes = withUnsafeBytes(of: v6.sin6_addr) { Array($0) }
            guard bytes == [UInt8](repeating: 0, count: 15) + [1] else { throw Self.notLoopback(endpoint) }
            v6.sin6_family = sa_family_t(AF_INET6)
            v6.sin6_port = number.bigEndian
            self.store(v6)
        } else {
            throw .systemError(endpoint, "not a numeric IP address")
        }
    }

    private static func notLoopback(_ endpoint: LocalEndpoint) -> LocalIPCError {
        .systemError(endpoint, "local programs are served on loopback addresses only (127.0.0.1, ::1)")
    }

    private mutating func store<Address>(_ address: Address) {
        self.length = socklen_t(MemoryLayout<Address>.size)
        withUnsafeBytes(of: address) { source in
            withUnsafeMutableBytes(of: &self.storage) { $0.copyMemory(from: source) }
        }
    }

    func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafePointer(to: self.storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, self.length) }
        }
    }

    /// The port a descriptor is bound to.
    static func boundPort(of descriptor: CInt) -> Int? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { return nil }
        // The port is at the same place in both families.
        return withUnsafeBytes(of: storage) { bytes in
            Int(UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self)))
        }
    }
}
