import Glibc
import LibP2PCore
import Testing

@testable import P2PDaemon

struct IdentityFileTests {
    private let path = "/tmp/identity-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"

    private func store(_ bytes: [UInt8]) {
        let file = open(path, O_CREAT | O_WRONLY, 0o600)
        write(file, bytes, bytes.count)
        close(file)
    }

    private func fatal() -> String? {
        do {
            _ = try IdentityFile.load(self.path)
            return nil
        } catch {
            switch error {
            case .fatal(let line): return line
            }
        }
    }

    @Test func theStoredKeyIsTheIdentity() throws {
        defer { unlink(self.path) }
        let key = try PrivateKey.generate(.ed25519)
        self.store(key.protobuf)

        #expect(try IdentityFile.load(self.path).peerID == key.peerID)
    }

    @Test func aMissingFileIsNamed() {
        #expect(self.fatal() == "cannot read the identity file \(self.path): No such file or directory")
    }

    @Test(arguments: [[], Array("not a key".utf8), [UInt8](repeating: 8, count: 20_000)])
    func aDamagedFileIsNamedAndLeftAlone(bytes: [UInt8]) {
        defer { unlink(self.path) }
        self.store(bytes)

        #expect(self.fatal()?.hasPrefix("the identity file \(self.path) holds no libp2p private key") == true)
        var status = stat()
        #expect(stat(self.path, &status) == 0)
        #expect(Int(status.st_size) == bytes.count)
    }

    @Test func withoutAFileEveryStartIsSomebodyElse() throws {
        #expect(try IdentityFile.fresh().peerID != IdentityFile.fresh().peerID)
    }
}
