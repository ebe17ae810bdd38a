import Glibc

/// A socket's descriptor, closed when the value ends unless it was released.
struct SocketDescriptor: ~Copyable {
    let rawValue: CInt

    init(_ rawValue: CInt) {
        self.rawValue = rawValue
    }

    deinit {
        _ = Glibc.close(self.rawValue)
    }

    /// Hands the descriptor to the caller, who closes it.
    consuming func release() -> CInt {
        let rawValue = self.rawValue
        discard self
        return rawValue
    }

    /// Opens a non-blocking stream socket that no child process inherits.
    static func stream(_ endpoint: LocalEndpoint, family: CInt) throws(LocalIPCError) -> SocketDescriptor {
        let type = CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue) | CInt(SOCK_CLOEXEC.rawValue)
        let descriptor = socket(family, type, 0)
        guard descriptor >= 0 else {
            throw .systemError(endpoint, "socket: \(systemErrorText(errno))")
        }
        return SocketDescriptor(descriptor)
    }
}

/// The system's text for an error number.
package func systemErrorText(_ number: CInt) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(number, &buffer, buffer.count) == 0 else { return "error \(number)" }
    let length = buffer.firstIndex(of: 0) ?? buffer.count
    let text = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return text.isEmpty ? "error \(number)" : text
}

/// A `sockaddr_un` for a path.
struct UnixAddress {
    /// `sun_path` holds 108 bytes, the last one a NUL.
    static let longestPath = 107

    private var storage = sockaddr_un()
    private var length: socklen_t = 0

    init(_ path: String, endpoint: LocalEndpoint) throws(LocalIPCError) {
        let bytes = Array(path.utf8)
        guard !bytes.isEmpty, !bytes.contains(0) else {
            throw .systemError(endpoint, "not a socket path")
        }
        guard bytes.count <= Self.longestPath else {
            throw .systemError(
                endpoint,
                "the path has \(bytes.count) bytes; a socket's path has at most \(Self.longestPath)"
            )
        }
        self.storage.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &self.storage.sun_path) { $0.copyBytes(from: bytes) }
        let header = MemoryLayout<sockaddr_un>.offset(of: \sockaddr_un.sun_path) ?? MemoryLayout<sa_family_t>.size
        self.length = socklen_t(header + bytes.count + 1)
    }

    func withSockaddr<R>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        withUnsafePointer(to: self.storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, self.length) }
        }
    }
}
