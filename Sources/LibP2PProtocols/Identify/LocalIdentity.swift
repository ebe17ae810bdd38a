import LibP2PCore
import Multiformats
import Synchronization

/// What we say of ourselves, by who asks.
final class LocalIdentity: Sendable {
    private struct SealedRecord {
        let addresses: [Multiaddr]
        let sequence: UInt64
        let envelope: [UInt8]?
    }

    private let configuration: IdentifyConfiguration
    private let network: any Network
    private let publicKey: [UInt8]
    private let addresses: @Sendable (_ observed: [Multiaddr]) -> [Multiaddr]
    private let sealed = Mutex<[AddressScope: SealedRecord]>([:])

    init(
        configuration: IdentifyConfiguration,
        network: any Network,
        addresses: @escaping @Sendable (_ observed: [Multiaddr]) -> [Multiaddr]
    ) {
        self.configuration = configuration
        self.network = network
        self.publicKey = configuration.identity.publicKey.protobuf
        self.addresses = addresses
    }

    /// The messages for the peer of a connection: the addresses that are of use to it, and where we see it.
    func messages(for connection: any Connection, observed: [Multiaddr]) -> [UInt8] {
        let scope = connection.remoteAddress.ipAddress.map { AddressScope($0) } ?? .public
        // What the peer could not use it does not learn: loopback and private addresses stay where they can be reached.
        let addresses = self.addresses(observed).filter {
            AddressPolicy.mayUse($0, learntOver: connection.remoteAddress)
        }
        let bytes = IdentifyWriter.addresses(addresses.map(\.bytes), within: IdentifyLimits.ownAddressBytes)
        return IdentifyWriter.encode(
            IdentifyMessage(
                protocolVersion: self.configuration.protocolVersion,
                agentVersion: self.configuration.agentVersion,
                publicKey: self.publicKey,
                listenAddresses: bytes,
                observedAddress: connection.remoteAddress.bytes,
                protocols: self.network.protocols.map(\.rawValue),
                signedPeerRecord: self.record(of: Array(addresses.prefix(bytes.count)), scope: scope)
            )
        )
    }

    /// The signed record with these addresses, made anew only when they have changed.
    private func record(of addresses: [Multiaddr], scope: AddressScope) -> [UInt8]? {
        self.sealed.withLock { sealed in
            if let held = sealed[scope], held.addresses == addresses {
                return held.envelope
            }
            // Later records must have higher numbers, also after a restart and when the clock was set back.
            let highest = sealed.values.map(\.sequence).max() ?? 0
            let sequence = max(self.configuration.sequence(), highest &+ 1)
            let identity = self.configuration.identity
            let record = PeerRecord(peerID: identity.peerID, sequence: sequence, addresses: addresses)
            // `try?`: without a record peers still have the plain addresses.
            let envelope = try? record.sealed(by: identity)
            sealed[scope] = SealedRecord(addresses: addresses, sequence: sequence, envelope: envelope)
            return envelope
        }
    }
}
