import LibP2PCore

/// The handshake `Noise_XX_25519_ChaChaPoly_SHA256`, without anything of libp2p's. Pure.
///
/// ```
/// -> e
/// <- e, ee, s, es
/// -> s, se
/// ```
/// Noise revision 34 §5.3, §7.5. After an error the object is of no more use.
struct NoiseXXMachine: Sendable {
    enum Role: Sendable {
        case initiator
        case responder
    }

    /// The message that comes next.
    private enum Step: Sendable {
        case first
        case second
        case third
        case finished
    }

    static let protocolName = "Noise_XX_25519_ChaChaPoly_SHA256"

    private let role: Role
    private let staticKeys: X25519.KeyPair
    private let ephemeralKeys: X25519.KeyPair
    private var symmetric: NoiseSymmetricState
    private var step = Step.first
    private var remoteEphemeralKey: [UInt8] = []

    /// The peer's static key, 32 bytes; empty before its message was read.
    private(set) var remoteStaticKey: [UInt8] = []

    /// The transcript hash, for channel binding.
    var handshakeHash: [UInt8] { self.symmetric.hash }

    init(role: Role, prologue: [UInt8] = [], staticKeys: X25519.KeyPair, ephemeralKeys: X25519.KeyPair) {
        self.role = role
        self.staticKeys = staticKeys
        self.ephemeralKeys = ephemeralKeys
        self.symmetric = NoiseSymmetricState(protocolName: Self.protocolName)
        self.symmetric.mixHash(prologue)
    }

    /// The next message of ours, with `payload` in it.
    mutating func write(payload: [UInt8]) throws(NoiseError) -> [UInt8] {
        var message: [UInt8] = []
        switch (self.step, self.role) {
        case (.first, .initiator):
            message += self.writeEphemeralKey()
            self.step = .second
        case (.second, .responder):
            message += self.writeEphemeralKey()
            try self.mix(self.ephemeralKeys, self.remoteEphemeralKey)
            message += try self.symmetric.encryptAndHash(self.staticKeys.publicKey)
            try self.mix(self.staticKeys, self.remoteEphemeralKey)
            self.step = .third
        case (.third, .initiator):
            message += try self.symmetric.encryptAndHash(self.staticKeys.publicKey)
            try self.mix(self.staticKeys, self.remoteEphemeralKey)
            self.step = .finished
        case (.first, .responder), (.second, .initiator), (.third, .responder), (.finished, _):
            throw .wrongTurn
        }
        message += try self.symmetric.encryptAndHash(payload)
        return message
    }

    /// Takes the next message of the peer and returns the payload in it.
    mutating func read(_ message: [UInt8]) throws(NoiseError) -> [UInt8] {
        var rest = message[...]
        switch (self.step, self.role) {
        case (.first, .responder):
            try self.readEphemeralKey(&rest)
            self.step = .second
        case (.second, .initiator):
            try self.readEphemeralKey(&rest)
            try self.mix(self.ephemeralKeys, self.remoteEphemeralKey)
            try self.readStaticKey(&rest)
            try self.mix(self.ephemeralKeys, self.remoteStaticKey)
            self.step = .third
        case (.third, .responder):
            try self.readStaticKey(&rest)
            try self.mix(self.ephemeralKeys, self.remoteStaticKey)
            self.step = .finished
        case (.first, .initiator), (.second, .responder), (.third, .initiator), (.finished, _):
            throw .wrongTurn
        }
        return try self.symmetric.decryptAndHash(Array(rest))
    }

    /// The ciphers of the two directions, once all three messages have passed.
    func split() throws(NoiseError) -> (sending: NoiseCipherState, receiving: NoiseCipherState) {
        guard case .finished = self.step else { throw .wrongTurn }
        let (first, second) = try self.symmetric.split()
        return self.role == .initiator ? (first, second) : (second, first)
    }
}

// MARK: - Tokens

extension NoiseXXMachine {
    private mutating func writeEphemeralKey() -> [UInt8] {
        self.symmetric.mixHash(self.ephemeralKeys.publicKey)
        return self.ephemeralKeys.publicKey
    }

    private mutating func readEphemeralKey(_ message: inout ArraySlice<UInt8>) throws(NoiseError) {
        self.remoteEphemeralKey = try Self.take(X25519.byteCount, from: &message)
        self.symmetric.mixHash(self.remoteEphemeralKey)
    }

    private mutating func readStaticKey(_ message: inout ArraySlice<UInt8>) throws(NoiseError) {
        let sealed = try Self.take(X25519.byteCount + ChaCha20Poly1305.tagByteCount, from: &message)
        self.remoteStaticKey = try self.symmetric.decryptAndHash(sealed)
    }

    /// Mixes in what our `keys` and the peer's public key share.
    private mutating func mix(_ keys: X25519.KeyPair, _ publicKey: [UInt8]) throws(NoiseError) {
        let shared: SecretBytes
        do throws(KeyError) {
            shared = try keys.sharedSecret(with: publicKey)
        } catch {
            throw .invalidKey
        }
        try self.symmetric.mixKey(shared)
    }

    private static func take(_ count: Int, from message: inout ArraySlice<UInt8>) throws(NoiseError) -> [UInt8] {
        guard message.count >= count else { throw .messageTooShort }
        defer { message = message.dropFirst(count) }
        return Array(message.prefix(count))
    }
}
