public import Multiformats

/// A host's identity key. Its secret stays out of logs and descriptions and is wiped with the last copy.
public struct PrivateKey: Sendable {
    public let publicKey: PublicKey

    let signer: any SigningKey

    /// Makes a new key. ECDSA keys are on P-256.
    ///
    /// - Parameter rsaBits: for RSA only, 2048…8192; a key of 4096 bits takes about a second.
    /// - Throws: `.rsaKeyTooSmall`, `.rsaKeyTooLarge`, `.generationFailed`.
    public static func generate(_ type: KeyType, rsaBits: Int = 2048) throws(KeyError) -> PrivateKey {
        switch type {
        case .rsa: try PrivateKey(signer: RSAKey.generate(bits: rsaBits))
        case .ed25519: try PrivateKey(signer: Ed25519Key.generate())
        case .secp256k1: try PrivateKey(signer: Secp256k1Key.generate())
        case .ecdsa: try PrivateKey(signer: ECDSAKey.generate())
        }
    }

    /// Reads the libp2p `PrivateKey` protobuf (what identity files hold).
    ///
    /// - Throws: `.malformed`, `.unsupportedType`; `.rsaKeyTooSmall` and `.rsaKeyTooLarge` outside 2048…8192 bits.
    public init(protobuf: [UInt8]) throws(KeyError) {
        var (type, data) = try KeyProtobuf.decode(protobuf)
        defer { SecretBytes.wipe(&data) }
        try self.init(type: type, data: data)
    }

    /// Takes a key's bare bytes.
    ///
    /// RSA: PKCS #1 DER. Ed25519: seed ‖ public key (64 bytes), the same with the public key twice (96 bytes), or the bare seed (32 bytes).
    /// secp256k1: 32 bytes. ECDSA: SEC 1 DER that names its curve.
    ///
    /// - Throws: as `init(protobuf:)`.
    public init(type: KeyType, data: [UInt8]) throws(KeyError) {
        switch type {
        case .rsa: try self.init(signer: RSAKey(pkcs1: data))
        case .ed25519: try self.init(signer: Ed25519Key(data: data))
        case .secp256k1: try self.init(signer: Secp256k1Key(data: data))
        case .ecdsa: try self.init(signer: ECDSAKey(sec1: data))
        }
    }

    private init(signer: any SigningKey) throws(KeyError) {
        self.signer = signer
        self.publicKey = try PublicKey(type: signer.type, data: signer.publicKeyData)
    }

    /// The identity this key proves.
    public var peerID: PeerID { self.publicKey.peerID }

    public var type: KeyType { self.publicKey.type }

    /// The libp2p `PrivateKey` protobuf. Secret: the caller wipes it (`SecretBytes.wipe`).
    public var protobuf: [UInt8] {
        var data = self.signer.secretData()
        defer { SecretBytes.wipe(&data) }
        return KeyProtobuf.encode(type: self.type, data: data)
    }

    /// Signs in the form that `PublicKey.isValid` describes.
    ///
    /// - Throws: `.signingFailed`.
    public func sign(_ message: [UInt8]) throws(KeyError) -> [UInt8] {
        try self.signer.sign(message)
    }
}

extension PrivateKey: CustomStringConvertible, CustomReflectable {
    /// Names the key without telling its secret.
    public var description: String { "PrivateKey(\(self.type), \(self.peerID))" }

    public var customMirror: Mirror { Mirror(self, children: ["publicKey": self.publicKey]) }
}

/// A secret of one key type that can sign. Usable from any thread.
protocol SigningKey: AnyObject, Sendable {
    var type: KeyType { get }

    /// As `PublicKey.data`.
    var publicKeyData: [UInt8] { get }

    /// The `Data` of the private key protobuf; the caller wipes it.
    func secretData() -> [UInt8]

    func sign(_ message: [UInt8]) throws(KeyError) -> [UInt8]
}
