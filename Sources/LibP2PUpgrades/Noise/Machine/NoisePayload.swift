import LibP2PCore

/// What libp2p says within the handshake: who we are, and what we can mux with.
///
/// protobuf `NoiseHandshakePayload`. libp2p/specs noise/README.md §"The libp2p Handshake Payload", r5.
struct NoisePayload: Sendable, Equatable {
    /// A list longer than this is an attack; go-libp2p's limit too.
    static let maximumMuxers = 100

    /// An RSA key of 8192 bits and its signature take 2 KiB, a hundred muxers a few KiB.
    static let maximumBytes = 16_384

    private static let signaturePrefix = Array("noise-libp2p-static-key:".utf8)

    /// The protobuf of the identity's public key.
    let identityKey: [UInt8]
    /// Over `noise-libp2p-static-key:` ‖ the static key.
    let signature: [UInt8]
    /// Best first; empty when the peer leaves the choice to multistream-select.
    let muxers: [ProtocolID]

    init(identityKey: [UInt8], signature: [UInt8], muxers: [ProtocolID]) {
        self.identityKey = identityKey
        self.signature = signature
        self.muxers = muxers
    }

    /// What the identity signs.
    static func signedMessage(staticKey: [UInt8]) -> [UInt8] {
        self.signaturePrefix + staticKey
    }

    /// The identity, once its signature over the static key has been checked.
    func verifiedKey(staticKey: [UInt8]) throws(NoiseError) -> PublicKey {
        let publicKey: PublicKey
        do throws(KeyError) {
            publicKey = try PublicKey(protobuf: self.identityKey)
        } catch {
            throw .invalidKey
        }
        guard publicKey.isValid(signature: self.signature, for: Self.signedMessage(staticKey: staticKey)) else {
            throw .invalidSignature
        }
        return publicKey
    }
}
