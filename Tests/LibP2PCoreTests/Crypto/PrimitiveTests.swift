import LibP2PCore
import Testing

@Suite struct PrimitiveTests {
    @Test func sha256MatchesItsStandard() {
        // FIPS 180-4, example of one block.
        let digest = KeyVectors.bytes("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        var pieces = SHA256()
        pieces.update(Array("a".utf8))
        let branch = pieces
        pieces.update(Array("bc".utf8))

        #expect(SHA256.hash(Array("abc".utf8)) == digest)
        #expect(pieces.finalize() == digest)
        #expect(branch.finalize() == SHA256.hash(Array("a".utf8)))
        #expect(SHA256().finalize() == SHA256.hash([]))
    }

    @Test func hmacMatchesItsStandard() throws {
        // RFC 4231 §4.3.
        let code = try HMACSHA256.authenticate(Array("what do ya want for nothing?".utf8), key: Array("Jefe".utf8))

        #expect(code == KeyVectors.bytes("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"))
        #expect(try HMACSHA256.authenticate([], key: []).count == 32)
    }

    @Test func hkdfIsThatOfRFC5869WithoutInfo() throws {
        // RFC 5869 §A.3: salt and info are empty; HMAC pads the empty salt with zeros.
        let chainingKey = SecretBytes(copying: [UInt8](repeating: 0, count: 32))
        let input = SecretBytes(copying: [UInt8](repeating: 0x0B, count: 22))

        let (first, second) = try HKDFSHA256.deriveTwo(chainingKey: chainingKey, input: input)
        let three = try input.withUnsafeBytes { try HKDFSHA256.deriveThree(chainingKey: chainingKey, input: $0) }

        #expect(
            first.copyBytes() + second.copyBytes().prefix(10)
                == KeyVectors.bytes(
                    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
                )
        )
        #expect(three.0.copyBytes() == first.copyBytes())
        #expect(three.1.copyBytes() == second.copyBytes())
        #expect(three.2.copyBytes() != second.copyBytes())
    }

    @Test func x25519MatchesItsStandard() throws {
        // RFC 7748 §6.1.
        let alice = try X25519.KeyPair(
            secret: SecretBytes(
                copying: KeyVectors.bytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
            )
        )
        let bob = KeyVectors.bytes("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")

        #expect(
            alice.publicKey == KeyVectors.bytes("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
        )
        #expect(
            try alice.sharedSecret(with: bob).copyBytes()
                == KeyVectors.bytes("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
        )
    }

    @Test func x25519RefusesPointsOfLowOrder() throws {
        let pair = try X25519.KeyPair.generate()
        let one = [1] + [UInt8](repeating: 0, count: 31)
        let eight = KeyVectors.bytes("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")

        for point in [[UInt8](repeating: 0, count: 32), one, eight] {
            #expect(throws: KeyError.self) { try pair.sharedSecret(with: point) }
        }
        #expect(throws: KeyError.self) { try pair.sharedSecret(with: [UInt8](repeating: 9, count: 31)) }
        #expect(throws: KeyError.self) { try X25519.KeyPair(secret: SecretBytes(copying: [1])) }
    }

    @Test func freshPairsAgree() throws {
        let first = try X25519.KeyPair.generate()
        let second = try X25519.KeyPair.generate()

        #expect(first.publicKey != second.publicKey)
        #expect(
            try first.sharedSecret(with: second.publicKey).copyBytes()
                == second.sharedSecret(with: first.publicKey).copyBytes()
        )
    }

    @Test func randomBytesDiffer() {
        #expect(SystemRandom.bytes(count: 0).isEmpty)
        #expect(SystemRandom.bytes(count: 32).count == 32)
        #expect(SystemRandom.bytes(count: 32) != SystemRandom.bytes(count: 32))
        #expect(SystemRandom.uint64() != SystemRandom.uint64())
    }

    @Test func wipedArraysAreEmpty() {
        var secret: [UInt8] = [1, 2, 3]
        SecretBytes.wipe(&secret)

        #expect(secret.isEmpty)
        #expect("\(SecretBytes(copying: [7, 7]))" == "SecretBytes(2 bytes)")
    }
}
