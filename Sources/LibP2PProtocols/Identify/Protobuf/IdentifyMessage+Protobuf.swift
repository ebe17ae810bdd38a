import FoundationEssentials
import SwiftProtobuf

extension IdentifyMessage {
    /// Reads one message. Its size is bounded by the caller.
    ///
    /// - Throws: `.malformedMessage`.
    init(protobuf bytes: [UInt8]) throws(IdentifyViolation) {
        var options = BinaryDecodingOptions()
        options.discardUnknownFields = true
        let message: Libp2p_Identify_Identify
        do {
            message = try Libp2p_Identify_Identify(serializedBytes: bytes, partial: true, options: options)
        } catch {
            throw .malformedMessage
        }
        self.init(
            protocolVersion: message.hasProtocolVersion ? message.protocolVersion : nil,
            agentVersion: message.hasAgentVersion ? message.agentVersion : nil,
            publicKey: message.hasPublicKey ? [UInt8](message.publicKey) : nil,
            listenAddresses: message.listenAddrs.map { [UInt8]($0) },
            observedAddress: message.hasObservedAddr ? [UInt8](message.observedAddr) : nil,
            protocols: message.protocols,
            signedPeerRecord: message.hasSignedPeerRecord ? [UInt8](message.signedPeerRecord) : nil
        )
    }

    var protobuf: [UInt8] {
        var message = Libp2p_Identify_Identify()
        if let protocolVersion { message.protocolVersion = protocolVersion }
        if let agentVersion { message.agentVersion = agentVersion }
        if let publicKey { message.publicKey = Data(publicKey) }
        message.listenAddrs = self.listenAddresses.map { Data($0) }
        if let observedAddress { message.observedAddr = Data(observedAddress) }
        message.protocols = self.protocols
        if let signedPeerRecord { message.signedPeerRecord = Data(signedPeerRecord) }
        // Serialising fails only for missing required fields, of which there are none.
        return (try? message.serializedBytes()) ?? []
    }
}
