import LibP2PCore
import Testing

@Suite struct ChaCha20Poly1305Tests {
    // RFC 8439 §A.5; its nonce begins with the 32 zero bits of Noise's.
    static let key = KeyVectors.bytes("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0")
    static let associatedData = KeyVectors.bytes("f33388860000000000004e91")
    static let nonce: UInt64 = 0x0807_0605_0403_0201
    static let tag = KeyVectors.bytes("eead9d67890cbb22392336fea1851f38")
    static let ciphertext = KeyVectors.bytes(
        """
        64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb24c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100\
        d4f03b7f355894cf332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c8559797a06ef4f0ef61c186324e2b350638\
        3606907b6a7c02b0f9f6157b53c867e4b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523eaf4534d7f83fa115\
        5b0047718cbc546a0d072b04b3564eea1b422273f548271a0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10\
        49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29a6ad5cb4022b02709b
        """
    )

    @Test func opensTheMessageOfItsStandard() throws {
        let cipher = try ChaCha20Poly1305(key: SecretBytes(copying: Self.key))
        var message = Self.ciphertext + Self.tag

        let count = try Self.open(&message, cipher, nonce: Self.nonce, associatedData: Self.associatedData)

        #expect(count == 265)
        #expect(message.starts(with: Array("Internet-Drafts are draft documents valid for".utf8)))
    }

    @Test(arguments: [0, 1, 15, 16, 17, 63, 64, 65, 255, 4096, 65_519])
    func bothImplementationsGiveTheSameBytes(count: Int) throws {
        var random = SplitMix64(seed: UInt64(count))
        let key = SecretBytes(copying: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })
        let boring = try ChaCha20Poly1305(key: key)
        let sodium = try SodiumChaCha20Poly1305(key: key)
        let plaintext = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
        for associatedData in [[], [UInt8](repeating: 7, count: 33)] {
            let nonce = random.next()
            var first = plaintext + [UInt8](repeating: 0, count: 16)
            var second = first
            try Self.seal(&first, boring, count: count, nonce: nonce, associatedData: associatedData)
            try second.withUnsafeMutableBytes { buffer in
                try associatedData.withUnsafeBytes {
                    try sodium.seal(buffer, plaintextCount: count, nonce: nonce, associatedData: $0)
                }
            }
            #expect(first == second)

            let opened = try second.withUnsafeMutableBytes { buffer in
                try associatedData.withUnsafeBytes { try sodium.open(buffer, nonce: nonce, associatedData: $0) }
            }
            #expect(opened == count)
            #expect(try Self.open(&first, boring, nonce: nonce, associatedData: associatedData) == count)
            #expect(Array(first.prefix(count)) == plaintext)
            #expect(Array(second.prefix(count)) == plaintext)
        }
    }

    @Test func whateverIsAlteredDoesNotOpen() throws {
        let cipher = try ChaCha20Poly1305(key: SecretBytes(copying: Self.key))
        let sodium = try SodiumChaCha20Poly1305(key: SecretBytes(copying: Self.key))
        let message = Self.ciphertext + Self.tag

        for position in [0, 100, message.count - 17, message.count - 16, message.count - 1] {
            var altered = message
            altered[position] ^= 0x80
            var copy = altered
            #expect(throws: AEADError.authenticationFailed) {
                try Self.open(&altered, cipher, nonce: Self.nonce, associatedData: Self.associatedData)
            }
            #expect(throws: AEADError.authenticationFailed) {
                try copy.withUnsafeMutableBytes { try sodium.open($0, nonce: Self.nonce) }
            }
        }
        var copy = message
        #expect(throws: AEADError.authenticationFailed) {
            try Self.open(&copy, cipher, nonce: Self.nonce + 1, associatedData: Self.associatedData)
        }
        copy = message
        #expect(throws: AEADError.authenticationFailed) {
            try Self.open(&copy, cipher, nonce: Self.nonce, associatedData: [])
        }
        var short = Array(Self.tag.dropLast())
        #expect(throws: AEADError.authenticationFailed) {
            try Self.open(&short, cipher, nonce: Self.nonce, associatedData: [])
        }
    }

    @Test func buffersWithoutRoomForTheTagAreRefusedUntouched() throws {
        let cipher = try ChaCha20Poly1305(key: SecretBytes(copying: Self.key))
        let sodium = try SodiumChaCha20Poly1305(key: SecretBytes(copying: Self.key))
        var buffer = [UInt8](repeating: 5, count: 20)
        for count in [-1, 5, 20, Int.max] {
            #expect(throws: AEADError.bufferTooShort) {
                try buffer.withUnsafeMutableBytes { try cipher.seal($0, plaintextCount: count, nonce: 0) }
            }
            #expect(throws: AEADError.bufferTooShort) {
                try buffer.withUnsafeMutableBytes { try sodium.seal($0, plaintextCount: count, nonce: 0) }
            }
        }
        #expect(buffer == [UInt8](repeating: 5, count: 20))
        #expect(throws: AEADError.invalidKey) { try ChaCha20Poly1305(key: SecretBytes(copying: [1])) }
        #expect(throws: AEADError.invalidKey) { try SodiumChaCha20Poly1305(key: SecretBytes(copying: [1])) }
    }

    static func seal(
        _ bytes: inout [UInt8],
        _ cipher: ChaCha20Poly1305,
        count: Int,
        nonce: UInt64,
        associatedData: [UInt8]
    ) throws {
        try bytes.withUnsafeMutableBytes { buffer in
            try associatedData.withUnsafeBytes {
                try cipher.seal(buffer, plaintextCount: count, nonce: nonce, associatedData: $0)
            }
        }
    }

    static func open(
        _ bytes: inout [UInt8],
        _ cipher: ChaCha20Poly1305,
        nonce: UInt64,
        associatedData: [UInt8]
    ) throws -> Int {
        try bytes.withUnsafeMutableBytes { buffer in
            try associatedData.withUnsafeBytes { try cipher.open(buffer, nonce: nonce, associatedData: $0) }
        }
    }
}
