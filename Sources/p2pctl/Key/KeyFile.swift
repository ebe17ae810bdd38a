import Glibc
import LibP2PCore

/// Key files on disk: read with a bound, written so that a crash leaves the old file or the new one.
enum KeyFile {
    /// More than any private key takes in PEM.
    static let maximumBytes = 32_768

    static func read(_ path: String) throws(KeyCommandError) -> PrivateKey {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw .system("open", path, errno: errno) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: Self.maximumBytes + 1)
        defer { SecretBytes.wipe(&bytes) }
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: filled), buffer.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw .system("read", path, errno: errno) }
            if count == 0 { break }
            filled += count
        }
        guard filled <= Self.maximumBytes else { throw .tooLarge(path) }
        var content = Array(bytes.prefix(filled))
        defer { SecretBytes.wipe(&content) }
        do {
            return try KeyFormat.decode(content)
        } catch {
            throw .key(error)
        }
    }

    /// Writes a file of mode 0600 beside `path` and puts it in place.
    ///
    /// - Throws: `.fileExists` unless `replacing`; what is there is left alone then, even if it appears meanwhile.
    static func write(_ bytes: [UInt8], to path: String, replacing: Bool) throws(KeyCommandError) {
        // Found before the key is written; `link` below finds what comes between.
        if !replacing, access(path, F_OK) == 0 { throw .fileExists(path) }
        var template = Array("\(path).XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw .system("create a file beside", path, errno: errno) }
        defer {
            close(descriptor)
            unlink(template)
        }
        guard fchmod(descriptor, 0o600) == 0 else { throw .system("set the mode of", path, errno: errno) }
        try self.writeAll(bytes, to: descriptor, named: path)
        guard fsync(descriptor) == 0 else { throw .system("sync", path, errno: errno) }
        if replacing {
            guard rename(template, path) == 0 else { throw .system("replace", path, errno: errno) }
        } else {
            guard link(template, path) == 0 else {
                let code = errno
                if code == EEXIST { throw .fileExists(path) }
                throw .system("create", path, errno: code)
            }
        }
        self.syncDirectory(of: path)
    }

    static func writeAll(_ bytes: [UInt8], to descriptor: Int32, named name: String) throws(KeyCommandError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                Glibc.write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .system("write", name, errno: errno) }
            written += count
        }
    }

    /// Makes the new name durable. Not all file systems can; the content is safe already.
    private static func syncDirectory(of path: String) {
        let directory = path.lastIndex(of: "/").map { path[...$0] } ?? "."
        let descriptor = open(String(directory), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }
}
