import LibP2PCore
import Multiformats

/// What a handshake has yielded.
struct NoiseSession: Sendable {
    let peer: SecuredPeer
    let sending: NoiseCipherState
    let receiving: NoiseCipherState
}

/// The libp2p handshake: Noise XX, with identities and muxers in its payloads. Pure; works on whole messages.
///
/// libp2p/specs noise/README.md §"The Noise Handshake", connections/inlined-muxer-negotiation.md §"Multiplexer Negotiation over Noise".
struct NoiseHandshakeMachine: Sendable {
    static let protocolID: ProtocolID = "/noise"

    private let direction: Direction
    private let credentials: NoiseCredentials
    private let expectedPeer: PeerID?
    private let muxers: [ProtocolID]
    private var xx: NoiseXXMachine
    private var messagesRead = 0

    /// - Parameters:
    ///   - ephemeralKeys: fresh for each handshake.
    ///   - expectedPeer: who was dialled; nil accepts anyone but ourselves.
    ///   - muxers: best first; empty says nothing of muxers.
    init(
        direction: Direction,
        credentials: NoiseCredentials,
        ephemeralKeys: X25519.KeyPair,
        expectedPeer: PeerID?,
        muxers: [ProtocolID]
    ) {
        self.direction = direction
        self.credentials = credentials
        self.expectedPeer = expectedPeer
        self.muxers = muxers
        self.xx = NoiseXXMachine(
            role: direction == .outbound ? .initiator : .responder,
            staticKeys: credentials.staticKeys,
            ephemeralKeys: ephemeralKeys
        )
    }

    enum OnStart {
        /// Send this message.
        case send([UInt8])
        /// The initiator speaks first.
        case awaitMessage
        /// Close the channel.
        case fail(SecurityError)
    }

    /// Once, before anything else.
    mutating func start() -> OnStart {
        switch self.direction {
        case .inbound:
            return .awaitMessage
        case .outbound:
            do throws(NoiseError) {
                // The first message has no secrecy: nothing but the ephemeral key goes into it.
                return .send(try self.xx.write(payload: []))
            } catch {
                return .fail(.handshakeFailed(error.description))
            }
        }
    }

    enum OnMessage {
        /// Send this message and wait for the next.
        case send([UInt8])
        /// Send this message, if any; the handshake is done.
        case complete(send: [UInt8]?, NoiseSession)
        /// Close the channel.
        case fail(SecurityError)
    }

    /// Takes a message of the peer, without its length. Not after `.complete` or `.fail`: fails then.
    mutating func receive(_ message: [UInt8]) -> OnMessage {
        do {
            defer { self.messagesRead += 1 }
            switch (self.direction, self.messagesRead) {
            case (.inbound, 0):
                // A payload here would be neither secret nor authenticated; the specification gives it no meaning.
                _ = try self.xx.read(message)
                return .send(try self.xx.write(payload: self.payload()))
            case (.inbound, 1):
                let payload = try self.xx.read(message)
                let peer = try self.verify(payload)
                return .complete(send: nil, try self.session(peer))
            case (.outbound, 0):
                // Verified before our identity goes out in the third message.
                let payload = try self.xx.read(message)
                let peer = try self.verify(payload)
                let answer = try self.xx.write(payload: self.payload())
                return .complete(send: answer, try self.session(peer))
            case (.inbound, _), (.outbound, _):
                throw NoiseError.wrongTurn
            }
        } catch let error as SecurityError {
            return .fail(error)
        } catch {
            return .fail(.handshakeFailed("\(error)"))
        }
    }

    private func payload() throws(NoiseError) -> [UInt8] {
        try NoisePayload(
            identityKey: self.credentials.identity.protobuf,
            signature: self.credentials.signature,
            muxers: self.muxers
        ).encoded()
    }

    private func verify(_ bytes: [UInt8]) throws -> SecuredPeer {
        let payload = try NoisePayload(decoding: bytes)
        let publicKey = try payload.verifiedKey(staticKey: self.xx.remoteStaticKey)
        let peerID = publicKey.peerID
        if peerID == self.credentials.identity.peerID {
            throw SecurityError.selfDial
        }
        if let expected = self.expectedPeer, expected != peerID {
            throw SecurityError.peerIDMismatch(expected: expected, actual: peerID)
        }
        let muxer = try self.chooseMuxer(payload.muxers)
        return SecuredPeer(peerID: peerID, publicKey: publicKey, security: Self.protocolID, muxer: muxer)
    }

    /// The first of the initiator's that both have; nil when one side names none.
    private func chooseMuxer(_ remote: [ProtocolID]) throws(NoiseError) -> ProtocolID? {
        guard !remote.isEmpty, !self.muxers.isEmpty else { return nil }
        let (preferred, other) = self.direction == .outbound ? (self.muxers, remote) : (remote, self.muxers)
        guard let choice = preferred.first(where: { other.contains($0) }) else { throw .noCommonMuxer }
        return choice
    }

    private func session(_ peer: SecuredPeer) throws(NoiseError) -> NoiseSession {
        let (sending, receiving) = try self.xx.split()
        return NoiseSession(peer: peer, sending: sending, receiving: receiving)
    }
}
