import LibP2PCore

/// The static key of a host and its identity's signature over it.
struct NoiseCredentials: Sendable {
    let identity: PublicKey
    let staticKeys: X25519.KeyPair
    let signature: [UInt8]

    /// Signs `staticKeys`; RSA takes a millisecond for that, so a host does it once.
    init(identity: PrivateKey, staticKeys: X25519.KeyPair) throws(KeyError) {
        self.identity = identity.publicKey
        self.staticKeys = staticKeys
        self.signature = try identity.sign(NoisePayload.signedMessage(staticKey: staticKeys.publicKey))
    }
}
