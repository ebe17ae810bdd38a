import LibP2PCore
import Multiformats

/// Identities of tests; never to be used elsewhere. The seeds are 32 times the same byte.
enum NoiseTestKeys {
    static let dialer = key(0xD1)
    static let listener = key(0x15)
    static let stranger = key(0x57)

    // Proven: the text is a constant that parses.
    // swift-format-ignore: NeverUseForceTry
    static let address = try! Multiaddr("/ip4/127.0.0.1/tcp/4001")

    static func key(_ seed: UInt8) -> PrivateKey {
        // Proven: 32 bytes are an Ed25519 seed.
        // swift-format-ignore: NeverUseForceTry
        try! PrivateKey(type: .ed25519, data: [UInt8](repeating: seed, count: 32))
    }

    static func x25519(_ hex: String) throws -> X25519.KeyPair {
        try X25519.KeyPair(secret: SecretBytes(copying: bytes(hex)))
    }

    static func bytes(_ hex: String) -> [UInt8] {
        var result: [UInt8] = []
        var rest = hex[...]
        while let byte = UInt8(rest.prefix(2), radix: 16) {
            result.append(byte)
            rest = rest.dropFirst(2)
        }
        return result
    }
}
