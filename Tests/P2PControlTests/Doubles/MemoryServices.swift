import LibP2PCore
import LocalIPC
import Multiformats
import NIOCore
import P2PControl

/// Remembers what it was asked to do.
final class MemoryConnectionManager: ConnectionManager, @unchecked Sendable {
    // Unchecked: used on one event loop, which a test drives from one thread.

    private(set) var tags: [String: Int64] = [:]
    private(set) var trimCount = 0
    private let eventLoop: any EventLoop

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    func tag(_ peer: PeerID, tag: String, weight: Int64) {
        self.tags["\(peer)/\(tag)"] = weight
    }

    func untag(_ peer: PeerID, tag: String) {
        self.tags["\(peer)/\(tag)"] = nil
    }

    func protect(_ peer: PeerID, tag: String) {}

    func unprotect(_ peer: PeerID, tag: String) {}

    func trim() -> EventLoopFuture<Void> {
        self.trimCount += 1
        return self.eventLoop.makeSucceededVoidFuture()
    }
}

/// A peerstore in memory, without times.
final class MemoryPeerstore: Peerstore, @unchecked Sendable {
    // Unchecked: used on one event loop, which a test drives from one thread.

    private var addressesByPeer: [PeerID: [Multiaddr]] = [:]
    private var protocolsByPeer: [PeerID: [ProtocolID]] = [:]

    var peers: [PeerID] { Array(self.addressesByPeer.keys) }

    func addresses(of peer: PeerID, now: NIODeadline) -> [Multiaddr] {
        self.addressesByPeer[peer] ?? []
    }

    func addAddresses(_ addresses: [Multiaddr], of peer: PeerID, lifetime: AddressLifetime, now: NIODeadline) {
        self.addressesByPeer[peer, default: []] += addresses
    }

    func replaceAddresses(_ addresses: [Multiaddr], of peer: PeerID, lifetime: AddressLifetime, now: NIODeadline) {
        self.addressesByPeer[peer] = addresses
    }

    func updateAddresses(of peer: PeerID, from: AddressLifetime, to: AddressLifetime, now: NIODeadline) {}

    func setConnected(_ isConnected: Bool, peer: PeerID, now: NIODeadline) {}

    func agentVersion(of peer: PeerID) -> String? { nil }

    func setAgentVersion(_ agentVersion: String, of peer: PeerID) {}

    func signedRecord(of peer: PeerID) -> SignedRecord? { nil }

    func setSignedRecord(_ record: SignedRecord, of peer: PeerID) -> Bool { false }

    func remove(_ peer: PeerID) {
        self.addressesByPeer[peer] = nil
        self.protocolsByPeer[peer] = nil
    }

    func protocols(of peer: PeerID) -> [ProtocolID] {
        self.protocolsByPeer[peer] ?? []
    }

    func setProtocols(_ protocols: [ProtocolID], of peer: PeerID) {
        self.protocolsByPeer[peer] = protocols
    }

    func firstSupported(_ candidates: [ProtocolID], by peer: PeerID) -> ProtocolID? {
        candidates.first { self.protocols(of: peer).contains($0) }
    }

    func publicKey(of peer: PeerID) -> PublicKey? { nil }

    func setPublicKey(_ key: PublicKey, of peer: PeerID) {}
}

/// Keeps what it was given to join, and reaches the endpoints a test says are there.
final class MemoryBridge: StreamBridge, @unchecked Sendable {
    // Unchecked: used on one event loop, which a test drives from one thread.

    struct Joined {
        let channel: any Channel
        let early: ByteBuffer
        let inputClosed: Bool
        let stream: Stream
    }

    struct Delivered {
        let stream: Stream
        let endpoint: LocalEndpoint
        let prologue: ByteBuffer
        let requiredOwner: UInt32?
    }

    private(set) var joined: [Joined] = []
    private(set) var delivered: [Delivered] = []
    /// Every attempt, in order, with those that failed.
    private(set) var attempts: [LocalEndpoint] = []
    /// Endpoints that fail, and how.
    var failures: [LocalEndpoint: LocalIPCError] = [:]

    func join(_ channel: any Channel, early: ByteBuffer, inputClosed: Bool, to stream: Stream) {
        self.joined.append(Joined(channel: channel, early: early, inputClosed: inputClosed, stream: stream))
    }

    func deliver(
        _ stream: Stream,
        to endpoint: LocalEndpoint,
        prologue: ByteBuffer,
        requiredOwner: UInt32?
    ) -> EventLoopFuture<Void> {
        self.attempts.append(endpoint)
        if let failure = self.failures[endpoint] {
            return stream.eventLoop.makeFailedFuture(failure)
        }
        self.delivered.append(
            Delivered(stream: stream, endpoint: endpoint, prologue: prologue, requiredOwner: requiredOwner)
        )
        return stream.eventLoop.makeSucceededVoidFuture()
    }
}
