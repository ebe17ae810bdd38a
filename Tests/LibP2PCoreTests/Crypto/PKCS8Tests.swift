import LibP2PCore
import Testing

@Suite struct PKCS8Tests {
    @Test(arguments: [KeyType.rsa, .ecdsa, .ed25519])
    func keysSurvivePKCS8(type: KeyType) throws {
        let key = try PrivateKey.generate(type)
        let again = try PrivateKey(pkcs8: key.pkcs8())

        #expect(again.protobuf == key.protobuf)
    }

    @Test func theExampleOfTheStandardIsRead() throws {
        // RFC 8410 §10.3, the first private key, and the public key of §10.1.
        let der = KeyVectors.bytes(
            "302e020100300506032b657004220420d4ee72dbf913584ad5b6d8f1f769f8ad3afe7c28cbf1d4fbe097a88f44755842"
        )
        let key = try PrivateKey(pkcs8: der)

        #expect(
            key.publicKey.data
                == KeyVectors.bytes("19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1")
        )
        #expect(try key.pkcs8() == der)
    }

    @Test func whatIsNoPKCS8IsRefused() throws {
        let der = try PrivateKey.generate(.ecdsa).pkcs8()

        #expect(throws: KeyError.unsupportedType(2)) { try PrivateKey.generate(.secp256k1).pkcs8() }
        #expect(throws: KeyError.self) { try PrivateKey(pkcs8: []) }
        #expect(throws: KeyError.self) { try PrivateKey(pkcs8: der + [0]) }
        #expect(throws: KeyError.self) { try PrivateKey(pkcs8: Array(der.dropLast())) }
    }
}
