import FoundationEssentials
import LibP2PCore
import SwiftProtobuf

extension NoisePayload {
    /// - Throws: `.malformedPayload`.
    init(decoding bytes: [UInt8]) throws(NoiseError) {
        guard bytes.count <= Self.maximumBytes else { throw .malformedPayload }
        var options = BinaryDecodingOptions()
        options.discardUnknownFields = true
        let message: Libp2p_Noise_NoiseHandshakePayload
        do {
            message = try Libp2p_Noise_NoiseHandshakePayload(serializedBytes: bytes, options: options)
        } catch {
            throw .malformedPayload
        }
        let muxers = message.extensions.streamMuxers
        guard muxers.count <= Self.maximumMuxers else { throw .malformedPayload }
        self.init(
            identityKey: Array(message.identityKey),
            signature: Array(message.identitySig),
            muxers: muxers.map { ProtocolID($0) }
        )
    }

    func encoded() throws(NoiseError) -> [UInt8] {
        var message = Libp2p_Noise_NoiseHandshakePayload()
        message.identityKey = Data(self.identityKey)
        message.identitySig = Data(self.signature)
        if !self.muxers.isEmpty {
            message.extensions.streamMuxers = self.muxers.map(\.rawValue)
        }
        do {
            return try message.serializedBytes()
        } catch {
            throw .malformedPayload
        }
    }
}

extension NoiseUpgrade {
    /// Feeds bytes to what decodes a peer's decrypted handshake payload; must not trap. For tests and fuzzing.
    package static func fuzz(_ bytes: [UInt8]) {
        guard let payload = try? NoisePayload(decoding: bytes) else { return }
        _ = try? payload.verifiedKey(staticKey: Array(bytes.prefix(32)))
    }
}
