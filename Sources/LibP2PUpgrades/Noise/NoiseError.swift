/// Why a Noise handshake or a Noise channel failed. Its text is for logs and holds no bytes of the peer.
public enum NoiseError: Error, Sendable, Hashable, CustomStringConvertible {
    /// A message was altered, or sealed with another key.
    case decryptionFailed
    /// A handshake message of more than 16384 bytes was announced.
    case handshakeMessageTooLong
    /// A key of the peer is of low order or malformed.
    case invalidKey
    /// The identity key's signature does not cover the peer's static key.
    case invalidSignature
    /// The handshake payload is no protobuf, or exceeds a limit.
    case malformedPayload
    /// A message too short for what it must hold.
    case messageTooShort
    /// Both sides named their muxers and have none in common.
    case noCommonMuxer
    /// 2^64 - 1 messages were sent in one direction.
    case nonceExhausted
    /// The channel ended within a message.
    case truncated
    /// Ours: a handshake step was taken out of turn.
    case wrongTurn

    public var description: String {
        switch self {
        case .decryptionFailed: "noise: message could not be decrypted"
        case .handshakeMessageTooLong: "noise: handshake message too long"
        case .invalidKey: "noise: invalid key"
        case .invalidSignature: "noise: invalid signature of the static key"
        case .malformedPayload: "noise: malformed handshake payload"
        case .messageTooShort: "noise: message too short"
        case .noCommonMuxer: "noise: no muxer in common"
        case .nonceExhausted: "noise: nonces exhausted"
        case .truncated: "noise: connection ended within a message"
        case .wrongTurn: "noise: handshake out of turn"
        }
    }
}
