import LibP2PCore
import Multiformats
import NIOCore
import Testing

@testable import LibP2PUpgrades

@Suite struct NoiseHandshakeMachineTests {
    /// Runs a handshake to its end on both sides.
    struct Run {
        var dialer: NoiseHandshakeMachine
        var listener: NoiseHandshakeMachine
        var dialled: Result<NoiseSession, SecurityError>?
        var accepted: Result<NoiseSession, SecurityError>?

        init(
            dialer: PrivateKey = NoiseTestKeys.dialer,
            listener: PrivateKey = NoiseTestKeys.listener,
            expected: PeerID? = nil,
            dialerMuxers: [ProtocolID] = [],
            listenerMuxers: [ProtocolID] = []
        ) throws {
            self.dialer = NoiseHandshakeMachine(
                direction: .outbound,
                credentials: try NoiseCredentials(identity: dialer, staticKeys: .generate()),
                ephemeralKeys: try .generate(),
                expectedPeer: expected,
                muxers: dialerMuxers
            )
            self.listener = NoiseHandshakeMachine(
                direction: .inbound,
                credentials: try NoiseCredentials(identity: listener, staticKeys: .generate()),
                ephemeralKeys: try .generate(),
                expectedPeer: nil,
                muxers: listenerMuxers
            )
        }

        /// - Parameter tamper: sees each message with its number and may change it.
        mutating func run(tamper: (Int, inout [UInt8]) -> Void = { _, _ in }) {
            guard case .awaitMessage = self.listener.start(), case .send(var message) = self.dialer.start() else {
                return
            }
            for number in 0..<3 {
                tamper(number, &message)
                let result = number == 1 ? self.dialer.receive(message) : self.listener.receive(message)
                switch result {
                case .send(let next):
                    message = next
                case .complete(let next, let session):
                    if number == 1 { self.dialled = .success(session) } else { self.accepted = .success(session) }
                    guard let next else { return }
                    message = next
                case .fail(let error):
                    if number == 1 { self.dialled = .failure(error) } else { self.accepted = .failure(error) }
                    return
                }
            }
        }
    }

    @Test func bothSidesLearnWhoTheOtherIs() throws {
        var run = try Run(expected: NoiseTestKeys.listener.peerID)

        run.run()

        let dialled = try #require(try run.dialled?.get())
        let accepted = try #require(try run.accepted?.get())
        #expect(dialled.peer.peerID == NoiseTestKeys.listener.peerID)
        #expect(dialled.peer.publicKey == NoiseTestKeys.listener.publicKey)
        #expect(accepted.peer.peerID == NoiseTestKeys.dialer.peerID)
        #expect(accepted.peer.security == "/noise")
        #expect(accepted.peer.muxer == nil)
        var sealer = NoiseSealer(dialled.sending)
        var opener = NoiseOpener(accepted.receiving)
        let (plaintext, failure) = opener.open(try sealer.seal([ByteBuffer(string: "hi")]))
        #expect(String(buffer: plaintext) == "hi")
        #expect(failure == nil)
    }

    @Test("Every kind of identity can be proven", arguments: [KeyType.ecdsa, .ed25519, .rsa, .secp256k1])
    func identities(_ type: KeyType) throws {
        let key = try PrivateKey.generate(type)
        var run = try Run(listener: key, expected: key.peerID)

        run.run()

        #expect(try run.dialled?.get().peer.publicKey == key.publicKey)
        #expect(try run.accepted?.get() != nil)
    }

    @Test func anotherPeerThanTheOneDialledIsRefusedBeforeWeNameOurselves() throws {
        var run = try Run(expected: NoiseTestKeys.stranger.peerID)

        run.run()

        #expect(
            throws: SecurityError.peerIDMismatch(
                expected: NoiseTestKeys.stranger.peerID,
                actual: NoiseTestKeys.listener.peerID
            )
        ) { _ = try run.dialled?.get() }
        #expect(run.accepted == nil)
    }

    @Test("Ourselves are refused, expected or not", arguments: [nil, NoiseTestKeys.stranger.peerID])
    func selfDial(_ expected: PeerID?) throws {
        var run = try Run(listener: NoiseTestKeys.dialer, expected: expected)

        run.run()

        #expect(throws: SecurityError.selfDial) { _ = try run.dialled?.get() }
    }

    struct MuxerCase: Sendable {
        let dialer: [ProtocolID]
        let listener: [ProtocolID]
        let choice: ProtocolID?
    }

    @Test(
        "The initiator's order decides on the muxer",
        arguments: [
            MuxerCase(
                dialer: ["/yamux/1.0.0", "/mplex/6.7.0"],
                listener: ["/mplex/6.7.0", "/yamux/1.0.0"],
                choice: "/yamux/1.0.0"
            ),
            MuxerCase(dialer: ["/mplex/6.7.0", "/yamux/1.0.0"], listener: ["/yamux/1.0.0"], choice: "/yamux/1.0.0"),
            MuxerCase(dialer: ["/yamux/1.0.0"], listener: [], choice: nil),
            MuxerCase(dialer: [], listener: ["/yamux/1.0.0"], choice: nil),
        ]
    )
    func muxers(_ test: MuxerCase) throws {
        var run = try Run(dialerMuxers: test.dialer, listenerMuxers: test.listener)

        run.run()

        #expect(try run.dialled?.get().peer.muxer == test.choice)
        #expect(try run.accepted?.get().peer.muxer == test.choice)
    }

    @Test func noMuxerInCommonEndsTheHandshake() throws {
        var run = try Run(dialerMuxers: ["/a"], listenerMuxers: ["/b"])

        run.run()

        #expect(throws: SecurityError.handshakeFailed(NoiseError.noCommonMuxer.description)) {
            _ = try run.dialled?.get()
        }
    }

    @Test("A hundred muxers are read, not more", arguments: [(100, true), (101, false)])
    func manyMuxers(_ count: Int, _ isRead: Bool) throws {
        let muxers = (1..<count).map { ProtocolID("/m\($0)") } + ["/yamux/1.0.0"]
        var run = try Run(dialerMuxers: ["/yamux/1.0.0"], listenerMuxers: muxers)

        run.run()

        if isRead {
            #expect(try run.dialled?.get().peer.muxer == "/yamux/1.0.0")
        } else {
            #expect(throws: SecurityError.handshakeFailed(NoiseError.malformedPayload.description)) {
                _ = try run.dialled?.get()
            }
        }
    }

    @Test("An altered message ends the handshake for its receiver", arguments: 0..<3, [0.0, 0.3, 0.6, 0.999])
    func tampering(_ number: Int, _ place: Double) throws {
        var run = try Run()

        run.run { index, message in
            if index == number { message[Int(Double(message.count) * place)] ^= 0x01 }
        }

        // An altered ephemeral key is noticed by the initiator, when the second message cannot be opened.
        let result = number == 2 ? run.accepted : run.dialled
        #expect(throws: SecurityError.self) { _ = try result?.get() }
    }

    @Test func truncationAndExtensionEndTheHandshake() throws {
        for change in [-1, 1] {
            for number in 1..<3 {
                var run = try Run()
                run.run { index, message in
                    guard index == number else { return }
                    if change < 0 { message.removeLast() } else { message.append(0) }
                }
                let result = number == 2 ? run.accepted : run.dialled
                #expect(throws: SecurityError.self) { _ = try result?.get() }
            }
        }
    }

    @Test func aSignatureOverAnotherStaticKeyIsRefused() throws {
        let stolen = NoisePayload(
            identityKey: NoiseTestKeys.listener.publicKey.protobuf,
            signature: try NoiseCredentials(identity: NoiseTestKeys.listener, staticKeys: .generate()).signature,
            muxers: []
        )

        #expect(throws: NoiseError.invalidSignature) {
            _ = try stolen.verifiedKey(staticKey: try X25519.KeyPair.generate().publicKey)
        }
    }

    @Test func payloadsSurviveTheWire() throws {
        let payload = NoisePayload(identityKey: [1, 2], signature: [3], muxers: ["/a", "b"])

        #expect(try NoisePayload(decoding: payload.encoded()) == payload)
        #expect(throws: NoiseError.malformedPayload) {
            _ = try NoisePayload(decoding: [UInt8](repeating: 0, count: NoisePayload.maximumBytes + 1))
        }
    }

    @Test("Hostile payloads never trap", arguments: [0x5EED_0051] as [UInt64])
    func hostilePayloads(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let credentials = try NoiseCredentials(identity: NoiseTestKeys.listener, staticKeys: .generate())
        let valid = try NoisePayload(
            identityKey: credentials.identity.protobuf,
            signature: credentials.signature,
            muxers: ["/yamux/1.0.0"]
        ).encoded()
        for _ in 0..<3_000 {
            var bytes = valid
            for _ in 0..<Int.random(in: 1...6, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: .min ... .max, using: &random)
            }
            let payload = try? NoisePayload(
                decoding: Array(bytes.prefix(Int.random(in: 0...bytes.count, using: &random)))
            )
            _ = try? payload?.verifiedKey(staticKey: credentials.staticKeys.publicKey)
        }
    }
}
