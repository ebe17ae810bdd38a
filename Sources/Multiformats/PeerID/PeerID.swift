/// The identity of a peer: the multihash of its public key.
///
/// libp2p/specs peer-ids/peer-ids.md.
public struct PeerID: Hashable, Sendable, CustomStringConvertible {
    /// multihash of the public key's protobuf: `00 len key` (identity) up to 42 bytes of key, else `12 20 sha256`.
    public let bytes: [UInt8]

    /// Takes a multihash. SKELETON: to be validated.
    public init(bytes: [UInt8]) throws(PeerIDError) {
        self.bytes = bytes
    }

    /// Reads base58btc (`12D3…`, `Qm…`) or a CIDv1 in any multibase. SKELETON.
    public init(_ text: String) throws(PeerIDError) {
        throw .malformedText(text)
    }

    /// base58btc. SKELETON.
    public var description: String { "" }
}

/// Why bytes or text are no peer ID. SKELETON: cases to be settled (messages of go-multihash: see control-protocol.md §1.3).
public enum PeerIDError: Error, Sendable, Hashable {
    case malformedText(String)
    case malformed(String)
}
