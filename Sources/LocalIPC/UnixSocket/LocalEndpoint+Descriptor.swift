import Glibc

extension LocalEndpoint {
    /// Where a socket is bound, such as one the service manager passed.
    ///
    /// Nil for what is no stream socket on a Unix path or on loopback.
    public init?(boundTo descriptor: CInt) {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        guard result == 0 else { return nil }
        let bytes = withUnsafeBytes(of: storage) { Array($0.prefix(Int(min(length, 128)))) }
        switch CInt(storage.ss_family) {
        case AF_UNIX:
            // A name that begins with NUL is abstract, and an empty one is none.
            let path = bytes.dropFirst(MemoryLayout<sa_family_t>.size).prefix { $0 != 0 }
            guard !path.isEmpty, let text = String(validating: path, as: UTF8.self) else { return nil }
            self = .unix(path: text)
        case AF_INET where bytes.count >= 8 && bytes[4] == 127:
            let host = bytes[4..<8].map { "\($0)" }.joined(separator: ".")
            self = .tcp(host: host, port: Int(bytes[2]) << 8 | Int(bytes[3]))
        case AF_INET6 where bytes.count >= 24 && bytes[8..<24].elementsEqual([UInt8](repeating: 0, count: 15) + [1]):
            self = .tcp(host: "::1", port: Int(bytes[2]) << 8 | Int(bytes[3]))
        default:
            return nil
        }
    }
}
