import Glibc

/// A fresh directory with a short path, removed with the sockets in it at the end.
final class TemporaryDirectory {
    let path: String

    init() throws {
        var template = Array("/tmp/ipc-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure.system("mkdtemp", errno) }
        self.path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        if let directory = opendir(self.path) {
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name != ".", name != ".." { unlink("\(self.path)/\(name)") }
            }
            closedir(directory)
        }
        rmdir(self.path)
    }

    func file(_ name: String) -> String { "\(self.path)/\(name)" }

    enum Failure: Error {
        case system(String, CInt)
    }
}

/// A listening Unix socket made by hand, as another program would.
func makeListener(_ path: String, backlog: CInt) throws -> CInt {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw TemporaryDirectory.Failure.system("socket", errno) }
    guard withUnixAddress(path, { bind(descriptor, $0, $1) }) == 0 else {
        throw TemporaryDirectory.Failure.system("bind", errno)
    }
    guard listen(descriptor, backlog) == 0 else { throw TemporaryDirectory.Failure.system("listen", errno) }
    return descriptor
}

/// Connects without blocking; the error number where it fails.
func connectByHand(_ path: String) -> (descriptor: CInt, error: CInt) {
    let descriptor = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_NONBLOCK.rawValue), 0)
    let result = withUnixAddress(path) { connect(descriptor, $0, $1) }
    return (descriptor, result == 0 ? 0 : errno)
}

func withUnixAddress(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> CInt) -> CInt {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8).prefix(107)) }
    return withUnsafePointer(to: address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
        }
    }
}
