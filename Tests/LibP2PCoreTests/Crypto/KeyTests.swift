import LibP2PCore
import Multiformats
import Testing

@Suite struct KeyTests {
    static let vectors: [(KeyType, privateKey: [UInt8], publicKey: [UInt8])] = [
        (.ecdsa, KeyVectors.ecdsaPrivate, KeyVectors.ecdsaPublic),
        (.ed25519, KeyVectors.ed25519Private, KeyVectors.ed25519Public),
        (.secp256k1, KeyVectors.secp256k1Private, KeyVectors.secp256k1Public),
        (.rsa, KeyVectors.rsaPrivate, KeyVectors.rsaPublic),
    ]

    @Test(arguments: vectors)
    func specificationVectorsGiveTheirPublicKey(type: KeyType, privateKey: [UInt8], publicKey: [UInt8]) throws {
        let key = try PrivateKey(protobuf: privateKey)

        #expect(key.type == type)
        #expect(key.publicKey.protobuf == publicKey)
        #expect(key.protobuf == privateKey)
        #expect(try PublicKey(protobuf: publicKey) == key.publicKey)
    }

    @Test(arguments: KeyType.allCases)
    func generatedKeysSurviveTheirProtobufAndSign(type: KeyType) throws {
        let key = try PrivateKey.generate(type)
        let again = try PrivateKey(protobuf: key.protobuf)
        let message = Array("message".utf8)
        let signature = try again.sign(message)

        #expect(again.publicKey == key.publicKey)
        #expect(key.publicKey.isValid(signature: signature, for: message))
        #expect(!key.publicKey.isValid(signature: signature, for: Array("massage".utf8)))
        #expect(!key.publicKey.isValid(signature: Array(signature.dropLast()), for: message))
        #expect(!key.publicKey.isValid(signature: signature + [0], for: message))
        #expect(!key.publicKey.isValid(signature: [], for: message))
        var altered = signature
        altered[altered.count / 2] ^= 1
        #expect(!key.publicKey.isValid(signature: altered, for: message))
        let stranger = try PrivateKey.generate(type)
        #expect(!stranger.publicKey.isValid(signature: signature, for: message))
    }

    @Test(arguments: KeyType.allCases)
    func emptyMessagesCanBeSigned(type: KeyType) throws {
        let key = try PrivateKey.generate(type)
        let signature = try key.sign([])

        #expect(key.publicKey.isValid(signature: signature, for: []))
    }

    @Test func peerIDsHoldShortKeysAndHashLongOnes() throws {
        let ed25519 = try PublicKey(protobuf: KeyVectors.ed25519Public)
        let secp256k1 = try PublicKey(protobuf: KeyVectors.secp256k1Public)
        let rsa = try PublicKey(protobuf: KeyVectors.rsaPublic)

        #expect(ed25519.peerID.bytes == [0x00, 36] + KeyVectors.ed25519Public)
        #expect(secp256k1.peerID.bytes == [0x00, 37] + KeyVectors.secp256k1Public)
        #expect(rsa.peerID.bytes == [0x12, 0x20] + SHA256.hash(KeyVectors.rsaPublic))
        #expect(PublicKey(inlinedIn: ed25519.peerID) == ed25519)
        #expect(PublicKey(inlinedIn: secp256k1.peerID) == secp256k1)
        #expect(PublicKey(inlinedIn: rsa.peerID) == nil)
    }

    @Test func ed25519KeysWithTwoCopiesOfThePublicKeyAreRead() throws {
        let data = Array(KeyVectors.ed25519Private.dropFirst(4))
        let long = [0x08, 0x01, 0x12, 96] + data + data.suffix(32)

        let key = try PrivateKey(protobuf: long)

        #expect(key.publicKey.protobuf == KeyVectors.ed25519Public)
        #expect(key.protobuf == KeyVectors.ed25519Private)
    }

    @Test(arguments: [4, 40, 70, 90])
    func ed25519KeysWhosePartsDisagreeAreRefused(position: Int) {
        let data = Array(KeyVectors.ed25519Private.dropFirst(4))
        var long = [0x08, 0x01, 0x12, 96] + data + data.suffix(32)
        long[position] ^= 1

        #expect(throws: KeyError.self) { try PrivateKey(protobuf: long) }
    }

    @Test(arguments: [0, 31, 33, 63, 65, 95, 97])
    func ed25519PrivateKeysOfOtherLengthsAreRefused(count: Int) {
        #expect(throws: KeyError.self) { try PrivateKey(type: .ed25519, data: [UInt8](repeating: 1, count: count)) }
    }

    @Test func secp256k1SignaturesOfEitherHalfAreValid() throws {
        let key = try PrivateKey(protobuf: KeyVectors.secp256k1Private)
        let message = Array("either half".utf8)
        let signature = try key.sign(message)

        let high = try #require(Self.negatingS(signature))

        #expect(high != signature)
        #expect(key.publicKey.isValid(signature: high, for: message))
    }

    @Test func uncompressedSecp256k1KeysBecomeCompressedOnes() throws {
        // SEC 2 §2.4.1: the generator of the curve, in both forms.
        let x = KeyVectors.bytes("79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
        let y = KeyVectors.bytes("483ada7726a3c4655da4fbfc0e1108a8fd17b448a68554199c47d08ffb10d4b8")

        let key = try PublicKey(type: .secp256k1, data: [0x04] + x + y)

        #expect(key.data == [0x02] + x)
    }

    @Test func secp256k1SecretsOutsideTheOrderAreRefused() {
        #expect(throws: KeyError.self) { try PrivateKey(type: .secp256k1, data: [UInt8](repeating: 0, count: 32)) }
        #expect(throws: KeyError.self) { try PrivateKey(type: .secp256k1, data: [UInt8](repeating: 0xFF, count: 32)) }
        #expect(throws: KeyError.self) { try PrivateKey(type: .secp256k1, data: [UInt8](repeating: 1, count: 31)) }
    }

    @Test func bytesBehindAKeyAreRefused() throws {
        let rsa = try PrivateKey(protobuf: KeyVectors.rsaPrivate)
        let ecdsa = try PrivateKey(protobuf: KeyVectors.ecdsaPrivate)
        let rsaSecret = Array(KeyVectors.rsaPrivate.dropFirst(5))
        let ecdsaSecret = Array(KeyVectors.ecdsaPrivate.dropFirst(4))

        #expect(try PrivateKey(type: .rsa, data: rsaSecret).publicKey == rsa.publicKey)
        #expect(try PrivateKey(type: .ecdsa, data: ecdsaSecret).publicKey == ecdsa.publicKey)
        #expect(throws: KeyError.self) { try PublicKey(type: .rsa, data: rsa.publicKey.data + [0]) }
        #expect(throws: KeyError.self) { try PublicKey(type: .ecdsa, data: ecdsa.publicKey.data + [0]) }
        #expect(throws: KeyError.self) { try PrivateKey(type: .rsa, data: rsaSecret + [0]) }
        #expect(throws: KeyError.self) { try PrivateKey(type: .ecdsa, data: ecdsaSecret + [0]) }
        #expect(throws: KeyError.self) { try PublicKey(type: .rsa, data: ecdsa.publicKey.data) }
        #expect(throws: KeyError.self) { try PublicKey(type: .ecdsa, data: rsa.publicKey.data) }
        #expect(throws: KeyError.self) { try PublicKey(type: .ed25519, data: [UInt8](repeating: 1, count: 33)) }
    }

    @Test func rsaKeysOutsideTheLimitsAreRefusedBySize() throws {
        #expect(throws: KeyError.rsaKeyTooSmall(bits: 1024)) {
            try PublicKey(type: .rsa, data: Self.rsaPublicKey(bits: 1024))
        }
        #expect(throws: KeyError.rsaKeyTooSmall(bits: 2040)) {
            try PublicKey(type: .rsa, data: Self.rsaPublicKey(bits: 2040))
        }
        #expect(throws: KeyError.rsaKeyTooLarge(bits: 8200)) {
            try PublicKey(type: .rsa, data: Self.rsaPublicKey(bits: 8200))
        }
        #expect(throws: KeyError.rsaKeyTooLarge(bits: 16_384)) {
            try PublicKey(type: .rsa, data: Self.rsaPublicKey(bits: 16_384))
        }
        #expect(throws: KeyError.self) { try PublicKey(type: .rsa, data: Self.rsaPublicKey(bits: 200_000)) }
        #expect(throws: KeyError.rsaKeyTooSmall(bits: 1024)) { try PrivateKey.generate(.rsa, rsaBits: 1024) }
        #expect(throws: KeyError.rsaKeyTooLarge(bits: 8193)) { try PrivateKey.generate(.rsa, rsaBits: 8193) }
        for bits in [2048, 8192] {
            let data = Self.rsaPublicKey(bits: bits)
            #expect(try PublicKey(type: .rsa, data: data).data == data)
        }
    }

    @Test func malformedKeyMessagesAreRefused() {
        #expect(throws: KeyError.self) { try PublicKey(protobuf: []) }
        #expect(throws: KeyError.self) { try PublicKey(protobuf: [0x08, 0x01]) }
        #expect(throws: KeyError.self) { try PublicKey(protobuf: Array(KeyVectors.ed25519Public.dropFirst(2))) }
        #expect(throws: KeyError.self) { try PublicKey(protobuf: Array(KeyVectors.ed25519Public.dropLast())) }
        #expect(throws: KeyError.unsupportedType(4)) {
            try PublicKey(protobuf: [0x08, 0x04] + KeyVectors.ed25519Public.dropFirst(2))
        }
        #expect(throws: KeyError.unsupportedType(257)) {
            try PublicKey(protobuf: [0x08, 0x81, 0x02] + KeyVectors.ed25519Public.dropFirst(2))
        }
        #expect(throws: KeyError.self) {
            try PublicKey(protobuf: [0x08, 0x01, 0x12, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01])
        }
    }

    @Test func fieldsInAnyOrderAndUnknownOnesAreRead() throws {
        let data = Array(KeyVectors.ed25519Public.dropFirst(2))
        let message = data + [0x1D, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8, 0x2A, 1, 9, 0x30, 0x80, 0x01, 0x08, 0x01]

        #expect(try PublicKey(protobuf: message).protobuf == KeyVectors.ed25519Public)
    }

    @Test func secretsStayOutOfDescriptions() throws {
        let key = try PrivateKey(protobuf: KeyVectors.secp256k1Private)
        var dumped = ""
        dump(key, to: &dumped)

        #expect("\(key)" == "PrivateKey(secp256k1, \(key.peerID))")
        #expect(!dumped.contains("signer"))
    }

    @Test func mutatedKeysNeverTrap() {
        var random = SplitMix64(seed: 0x5EED_0001)
        let seeds = Self.vectors.flatMap { [$0.privateKey, $0.publicKey] }
        for _ in 0..<3000 {
            var bytes = seeds[Int(random.next() % UInt64(seeds.count))]
            random.mutate(&bytes)
            _ = try? PublicKey(protobuf: bytes)
            if bytes.count < 300 { _ = try? PrivateKey(protobuf: bytes) }
        }
    }
}

extension KeyTests {
    /// SubjectPublicKeyInfo with a modulus of ones.
    static func rsaPublicKey(bits: Int) -> [UInt8] {
        let modulus = der(0x02, [0x00] + [UInt8](repeating: 0xFF, count: bits / 8))
        let key = der(0x30, modulus + [0x02, 0x03, 0x01, 0x00, 0x01])
        let algorithm = KeyVectors.bytes("300d06092a864886f70d0101010500")
        return der(0x30, algorithm + der(0x03, [0x00] + key))
    }

    static func der(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let length: [UInt8] =
            count < 0x80
            ? [UInt8(count)]
            : count < 0x100
                ? [0x81, UInt8(count)]
                : count < 0x10000
                    ? [0x82, UInt8(count >> 8), UInt8(count & 0xFF)]
                    : [0x83, UInt8(count >> 16), UInt8(count >> 8 & 0xFF), UInt8(count & 0xFF)]
        return [tag] + length + content
    }

    /// The same signature with s replaced by the order of secp256k1 minus s.
    static func negatingS(_ signature: [UInt8]) -> [UInt8]? {
        guard signature.count > 6, signature[0] == 0x30 else { return nil }
        let rCount = Int(signature[3])
        let s = signature.dropFirst(6 + rCount).drop { $0 == 0 }
        let order = KeyVectors.bytes("fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141")
        let padded = [UInt8](repeating: 0, count: 32 - s.count) + s
        var negated = [UInt8](repeating: 0, count: 32)
        var borrow = 0
        for index in (0..<32).reversed() {
            let difference = Int(order[index]) - Int(padded[index]) - borrow
            borrow = difference < 0 ? 1 : 0
            negated[index] = UInt8(truncatingIfNeeded: difference)
        }
        let integer = der(0x02, negated[0] >= 0x80 ? [0] + negated : negated)
        return der(0x30, signature[2..<4 + rCount] + integer)
    }
}
