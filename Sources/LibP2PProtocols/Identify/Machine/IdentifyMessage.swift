/// What a peer says of itself, not yet judged. libp2p/specs identify/README.md §"The Identify Message".
struct IdentifyMessage: Sendable, Hashable {
    var protocolVersion: String?
    var agentVersion: String?
    /// A `PublicKey` protobuf.
    var publicKey: [UInt8]?
    /// Binary multiaddrs.
    var listenAddresses: [[UInt8]] = []
    /// A binary multiaddr: where the sender sees the receiver.
    var observedAddress: [UInt8]?
    var protocols: [String] = []
    /// A `SignedEnvelope` with a `PeerRecord`.
    var signedPeerRecord: [UInt8]?

    /// Adds what a further message of the same exchange says; its single values win.
    mutating func merge(_ other: IdentifyMessage) {
        self.protocolVersion = other.protocolVersion ?? self.protocolVersion
        self.agentVersion = other.agentVersion ?? self.agentVersion
        self.publicKey = other.publicKey ?? self.publicKey
        self.observedAddress = other.observedAddress ?? self.observedAddress
        self.signedPeerRecord = other.signedPeerRecord ?? self.signedPeerRecord
        self.listenAddresses += other.listenAddresses
        self.protocols += other.protocols
    }
}

/// What a peer's identify broke.
enum IdentifyViolation: Error, Sendable, Hashable {
    /// The stream ended before the first message was complete, or within a message.
    case incomplete
    /// The public key is not the one that the connection's handshake proved.
    case keyMismatch
    /// Not a protobuf `Identify`.
    case malformedMessage
    /// A message is larger than 8 KiB.
    case messageTooLarge
    /// More than 10 messages.
    case tooManyMessages
    /// More than 1024 protocols.
    case tooManyProtocols
}

/// Limits of an exchange; the ones go-libp2p keeps, so that who talks to it talks to us.
enum IdentifyLimits {
    /// Of a message that we accept.
    static let messageBytes = 8 * 1024
    static let messages = 10
    static let protocols = 1024
    /// Addresses of a peer that are kept.
    static let addresses = 500
    /// Of a message that carries everything at once: what the oldest receivers take.
    static let wholeMessageBytes = 2 * 1024
    /// Of a message that we send.
    static let ownMessageBytes = 4 * 1024
    /// What our own listen addresses may take of a message.
    static let ownAddressBytes = 2 * 1024
    /// Of the versions that are remembered and shown.
    static let versionBytes = 256
}
