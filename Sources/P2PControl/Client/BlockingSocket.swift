import Glibc

/// A blocking stream socket; the client's, who has nothing else to do than wait. Not for the daemon.
struct BlockingSocket {
    let descriptor: Int32

    enum Failure: Error {
        /// The other side ended the connection.
        case ended
        /// The system's error number.
        case system(Int32)
        case timedOut
    }

    /// Connects.
    static func connect(to address: ControlAddress) throws(Failure) -> BlockingSocket {
        switch address {
        case .unix(let path): try self.connectUnix(path)
        case .tcp(let host, let port): try self.connectTCP(host, port)
        }
    }

    /// Gives up on reads and writes that take longer than this.
    func setTimeout(seconds: Int) {
        var time = timeval(tv_sec: seconds, tv_usec: 0)
        let size = socklen_t(MemoryLayout<timeval>.size)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &time, size)
        setsockopt(self.descriptor, SOL_SOCKET, SO_SNDTIMEO, &time, size)
    }

    func writeAll(_ bytes: [UInt8]) throws(Failure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { send(self.descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
            guard count >= 0 else {
                if errno == EINTR { continue }
                throw Self.failure(errno)
            }
            rest = rest.dropFirst(count)
        }
    }

    /// Reads exactly this many bytes.
    func readExactly(_ count: Int) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < count {
            // Grows with what comes, not with what a length announces.
            var chunk = [UInt8](repeating: 0, count: min(count - bytes.count, 65_536))
            let received = chunk.withUnsafeMutableBytes { recv(self.descriptor, $0.baseAddress, $0.count, 0) }
            guard received >= 0 else {
                if errno == EINTR { continue }
                throw Self.failure(errno)
            }
            guard received > 0 else { throw .ended }
            bytes.append(contentsOf: chunk.prefix(received))
        }
        return bytes
    }

    /// Reads one message and not a byte more: what follows may be a stream.
    /// - Throws: `.system(EMSGSIZE)` for a message longer than `maximumBytes`.
    func readFrame(maximumBytes: Int) throws(Failure) -> [UInt8] {
        var length: UInt64 = 0
        for index in 0..<9 {
            let byte = try self.readExactly(1)[0]
            length |= UInt64(byte & 0x7f) << UInt64(7 * index)
            if byte < 0x80 {
                guard length <= UInt64(maximumBytes) else { throw .system(EMSGSIZE) }
                return try self.readExactly(Int(length))
            }
        }
        throw .system(EMSGSIZE)
    }

    /// The uid at the other end as the kernel vouches for; nil over TCP.
    var peerUID: UInt32? {
        // struct ucred { pid_t pid; uid_t uid; gid_t gid; }, which the C library hides without _GNU_SOURCE.
        var credentials: [UInt32] = [0, .max, .max]
        var size = socklen_t(credentials.count * 4)
        let result = getsockopt(self.descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size)
        return result == 0 && credentials[1] != .max ? credentials[1] : nil
    }

    func close() {
        _ = Glibc.close(self.descriptor)
    }

    private static func failure(_ number: Int32) -> Failure {
        number == EAGAIN || number == EWOULDBLOCK ? .timedOut : .system(number)
    }

    private static func connectUnix(_ path: String) throws(Failure) -> BlockingSocket {
        var address = sockaddr_un()
        guard address.set(path: path) else { throw .system(ENAMETOOLONG) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system(errno) }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        return try Self.connected(descriptor, result)
    }

    private static func connectTCP(_ host: String, _ port: UInt16) throws(Failure) -> BlockingSocket {
        var hints = addrinfo()
        hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        guard getaddrinfo(host, String(port), &hints, &list) == 0, let first = list else { throw .system(EINVAL) }
        defer { freeaddrinfo(list) }
        let descriptor = socket(first.pointee.ai_family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .system(errno) }
        return try Self.connected(
            descriptor,
            Glibc.connect(descriptor, first.pointee.ai_addr, first.pointee.ai_addrlen)
        )
    }

    private static func connected(_ descriptor: Int32, _ result: Int32) throws(Failure) -> BlockingSocket {
        guard result == 0 else {
            let number = errno
            _ = Glibc.close(descriptor)
            throw .system(number)
        }
        return BlockingSocket(descriptor: descriptor)
    }
}

extension sockaddr_un {
    /// Sets family and path; false when the path does not fit.
    mutating func set(path: String) -> Bool {
        self.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        let capacity = MemoryLayout.size(ofValue: self.sun_path)
        guard bytes.count < capacity else { return false }
        withUnsafeMutableBytes(of: &self.sun_path) { target in
            target.copyBytes(from: bytes)
            target[bytes.count] = 0
        }
        return true
    }
}
