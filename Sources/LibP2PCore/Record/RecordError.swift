/// Why a signed envelope or a peer record is refused.
public enum RecordError: Error, Sendable, Hashable {
    /// The envelope's signature is not that of its key over this domain, type and payload.
    case invalidSignature
    /// The bytes are no envelope or no record; the text says why and holds no peer bytes.
    case malformed(String)
    /// The record is about another peer than the one that signed it.
    case peerIDMismatch
    /// Our own key could not sign.
    case signingFailed
    /// More bytes than are accepted of one record.
    case tooLarge
    /// The payload is of another type than the one that was asked for.
    case unexpectedPayloadType
}
