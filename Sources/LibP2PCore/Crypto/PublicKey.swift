public import Multiformats

/// A peer's public key. libp2p/specs peer-ids/peer-ids.md §"Keys".
public struct PublicKey: Hashable, Sendable {
    public let type: KeyType
    /// The protobuf's `Data`: Ed25519 32 bytes, secp256k1 33 bytes compressed, RSA and ECDSA DER SubjectPublicKeyInfo.
    public let data: [UInt8]

    /// Reads the libp2p `PublicKey` protobuf. SKELETON.
    public init(protobuf: [UInt8]) throws(KeyError) {
        throw .malformed("")
    }

    /// The deterministic libp2p `PublicKey` protobuf. SKELETON.
    public var protobuf: [UInt8] { [] }

    /// SKELETON.
    public var peerID: PeerID { get throws(KeyError) { throw .malformed("") } }

    /// Whether `signature` is this key's over `message`; false for anything malformed. SKELETON.
    public func isValid(signature: [UInt8], for message: [UInt8]) -> Bool { false }
}

/// The `KeyType` enum of the key protobufs.
public enum KeyType: UInt8, Sendable, Hashable, CaseIterable {
    case rsa = 0
    case ed25519 = 1
    case secp256k1 = 2
    case ecdsa = 3
}

/// Why a key cannot be used. SKELETON: cases to be settled.
public enum KeyError: Error, Sendable, Hashable {
    case malformed(String)
}
