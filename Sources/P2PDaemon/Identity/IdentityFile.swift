import Glibc
import LibP2PCore
import LocalIPC

/// The file with the host's private key: the bytes of libp2p's `PrivateKey` message.
enum IdentityFile {
    /// Bytes; an RSA key of 8192 bits has under 5000.
    private static let longest = 16_384

    /// - Throws: one line that names the file. It is never written or replaced.
    static func load(_ path: String) throws(DaemonError) -> PrivateKey {
        var bytes = try Self.read(path)
        defer { SecretBytes.wipe(&bytes) }
        do {
            return try PrivateKey(protobuf: bytes)
        } catch {
            throw .fatal("the identity file \(path) holds no libp2p private key: \(error)")
        }
    }

    /// Makes an identity for this run.
    static func fresh() throws(DaemonError) -> PrivateKey {
        do {
            return try PrivateKey.generate(.ed25519)
        } catch {
            throw .fatal("cannot make an identity: \(error)")
        }
    }

    private static func read(_ path: String) throws(DaemonError) -> [UInt8] {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else {
            throw .fatal("cannot read the identity file \(path): \(systemErrorText(errno))")
        }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: Self.longest + 1)
        var count = 0
        while count < bytes.count {
            let result = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(file, buffer.baseAddress?.advanced(by: count), buffer.count - count)
            }
            if result < 0 {
                let number = errno
                if number == EINTR { continue }
                SecretBytes.wipe(&bytes)
                throw .fatal("cannot read the identity file \(path): \(systemErrorText(number))")
            }
            if result == 0 { break }
            count += result
        }
        guard count <= Self.longest else {
            SecretBytes.wipe(&bytes)
            throw .fatal("the identity file \(path) holds no libp2p private key: it is too long")
        }
        // Shortened in place, so that no copy of the secret stays behind.
        bytes.removeSubrange(count...)
        return bytes
    }
}
