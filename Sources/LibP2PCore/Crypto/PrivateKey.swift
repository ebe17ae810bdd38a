/// A host's identity key. Its secret stays out of logs and descriptions.
public struct PrivateKey: Sendable {
    public let publicKey: PublicKey

    /// Makes a new key. SKELETON.
    public static func generate(_ type: KeyType, rsaBits: Int = 2048) throws(KeyError) -> PrivateKey {
        throw .malformed("")
    }

    /// Reads the libp2p `PrivateKey` protobuf (what identity files hold). SKELETON.
    public init(protobuf: [UInt8]) throws(KeyError) {
        throw .malformed("")
    }

    /// The libp2p `PrivateKey` protobuf. SKELETON.
    public var protobuf: [UInt8] { [] }

    /// SKELETON.
    public func sign(_ message: [UInt8]) throws(KeyError) -> [UInt8] { throw .malformed("") }
}
