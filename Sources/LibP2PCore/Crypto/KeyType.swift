/// The `KeyType` enum of the key protobufs. libp2p/specs peer-ids/peer-ids.md §"Keys".
public enum KeyType: UInt8, Sendable, Hashable, CaseIterable {
    case rsa = 0
    case ed25519 = 1
    case secp256k1 = 2
    case ecdsa = 3
}
