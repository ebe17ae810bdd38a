import LibP2PCore
import NIOCore
import Testing

@testable import LibP2PUpgrades

@Suite struct NoiseXXMachineTests {
    @Test(arguments: NoiseVector.all)
    func publicVectorsAreMetByteForByte(_ vector: NoiseVector) throws {
        let bytes = NoiseTestKeys.bytes
        var initiator = NoiseXXMachine(
            role: .initiator,
            prologue: bytes(vector.prologue),
            staticKeys: try NoiseTestKeys.x25519(vector.initiatorStatic),
            ephemeralKeys: try NoiseTestKeys.x25519(vector.initiatorEphemeral)
        )
        var responder = NoiseXXMachine(
            role: .responder,
            prologue: bytes(vector.prologue),
            staticKeys: try NoiseTestKeys.x25519(vector.responderStatic),
            ephemeralKeys: try NoiseTestKeys.x25519(vector.responderEphemeral)
        )

        for (index, message) in vector.messages.prefix(3).enumerated() {
            let payload = bytes(message.payload)
            let sent = index == 1 ? try responder.write(payload: payload) : try initiator.write(payload: payload)
            #expect(sent == bytes(message.ciphertext))
            let read = index == 1 ? try initiator.read(sent) : try responder.read(sent)
            #expect(read == payload)
        }
        let initiatorKeys = try initiator.split()
        let responderKeys = try responder.split()
        var senders = [NoiseSealer(responderKeys.sending), NoiseSealer(initiatorKeys.sending)]
        var receivers = [NoiseOpener(initiatorKeys.receiving), NoiseOpener(responderKeys.receiving)]
        for (index, message) in vector.messages.dropFirst(3).enumerated() {
            let frame = try senders[index % 2].seal([ByteBuffer(bytes: bytes(message.payload))])
            #expect(Array(frame.readableBytesView.dropFirst(2)) == bytes(message.ciphertext))
            let (plaintext, failure) = receivers[index % 2].open(frame)
            #expect(failure == nil)
            #expect(Array(plaintext.readableBytesView) == bytes(message.payload))
        }

        #expect(initiator.handshakeHash == responder.handshakeHash)
        if let hash = vector.handshakeHash { #expect(initiator.handshakeHash == bytes(hash)) }
        #expect(initiator.remoteStaticKey == (try NoiseTestKeys.x25519(vector.responderStatic)).publicKey)
        #expect(responder.remoteStaticKey == (try NoiseTestKeys.x25519(vector.initiatorStatic)).publicKey)
    }

    private func machines() throws -> (initiator: NoiseXXMachine, responder: NoiseXXMachine) {
        (
            NoiseXXMachine(role: .initiator, staticKeys: try .generate(), ephemeralKeys: try .generate()),
            NoiseXXMachine(role: .responder, staticKeys: try .generate(), ephemeralKeys: try .generate())
        )
    }

    @Test func stepsOutOfTurnAreRefused() throws {
        var (initiator, responder) = try self.machines()

        #expect(throws: NoiseError.wrongTurn) { _ = try responder.write(payload: []) }
        #expect(throws: NoiseError.wrongTurn) { _ = try initiator.read([UInt8](repeating: 1, count: 96)) }
        #expect(throws: NoiseError.wrongTurn) { _ = try initiator.split() }
        _ = try responder.read(try initiator.write(payload: []))
        #expect(throws: NoiseError.wrongTurn) { _ = try initiator.write(payload: []) }
        _ = try initiator.read(try responder.write(payload: []))
        _ = try responder.read(try initiator.write(payload: []))
        #expect(throws: NoiseError.wrongTurn) { _ = try initiator.write(payload: []) }
        #expect(throws: NoiseError.wrongTurn) { _ = try responder.read([]) }
    }

    @Test("Truncated messages are refused", arguments: [0, 1, 31, 32, 47, 79, 80, 95])
    func truncation(_ count: Int) throws {
        var (initiator, responder) = try self.machines()
        let first = try initiator.write(payload: [])
        if count < 32 {
            var other = responder
            #expect(throws: NoiseError.messageTooShort) { _ = try other.read(Array(first.prefix(count))) }
        }
        _ = try responder.read(first)
        let second = try responder.write(payload: [])

        #expect(throws: NoiseError.self) { _ = try initiator.read(Array(second.prefix(count))) }
    }

    @Test func everyAlteredByteOfASealedMessageIsNoticed() throws {
        var (initiator, responder) = try self.machines()
        _ = try responder.read(try initiator.write(payload: []))
        let second = try responder.write(payload: [1, 2, 3])

        for index in second.indices {
            var altered = second
            altered[index] ^= 0x40
            var victim = initiator
            #expect(throws: NoiseError.self, "byte \(index)") { _ = try victim.read(altered) }
        }
    }

    @Test func keysOfLowOrderAreRefused() throws {
        var (initiator, responder) = try self.machines()
        _ = try initiator.write(payload: [])
        _ = try responder.read([UInt8](repeating: 0, count: 32))

        #expect(throws: NoiseError.invalidKey) { _ = try responder.write(payload: []) }
        #expect(throws: NoiseError.invalidKey) { _ = try initiator.read([UInt8](repeating: 0, count: 96)) }
    }
}
