public import LibP2PCore

/// Why a negotiation with multistream-select failed.
public enum MultistreamError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The channel ended before both sides agreed.
    case channelClosed
    /// A message without newline, with a length that is not minimal, or not UTF-8.
    case malformedMessage
    /// A message of more than 1024 bytes was announced.
    case messageTooLong
    /// This name of ours cannot be sent: empty, longer than 1022 bytes, with a newline, or a word of multistream-select itself.
    case nameNotEncodable
    /// There is nothing to propose.
    case noProtocols
    /// The peer refused all of these.
    case notSupported([ProtocolID])
    /// The peer made more than 128 proposals.
    case tooManyProposals
    /// The peer answered with another protocol than the one proposed.
    case unexpectedAnswer
    /// The peer's first message was not `/multistream/1.0.0`.
    case unexpectedHeader

    /// For logs; holds names of ours, no bytes of the peer.
    public var description: String {
        switch self {
        case .channelClosed: "multistream: the connection ended during the negotiation"
        case .malformedMessage: "multistream: malformed message"
        case .messageTooLong: "multistream: message longer than 1024 bytes"
        case .nameNotEncodable: "multistream: a protocol name of ours cannot be sent"
        case .noProtocols: "multistream: no protocols to propose"
        case .notSupported(let protocols):
            "multistream: protocols not supported: [\(protocols.map(\.rawValue).joined(separator: " "))]"
        case .tooManyProposals: "multistream: too many proposals"
        case .unexpectedAnswer: "multistream: unexpected answer"
        case .unexpectedHeader: "multistream: unexpected header"
        }
    }
}
