import Glibc
public import LibP2PCore
public import Multiformats
public import NIOCore
import NIOSSL
import Synchronization

/// TLS 1.3 with libp2p's certificates: the peer's host key vouches for the key of a self-signed certificate. libp2p/specs tls/tls.md.
///
/// The certificate and the key it is for are made at the first handshake and serve all others of this object: starting up
/// costs nothing. A session is never resumed, so every connection proves its identity anew.
public final class TLSUpgrade: SecurityUpgrade {
    public let protocolID: ProtocolID = "/tls/1.0.0"

    private let hostKey: PrivateKey
    private let secondsSinceEpoch: @Sendable () -> Int64
    private let contexts = Mutex(TLSContextCache())

    /// - Parameters:
    ///   - hostKey: the identity to prove.
    ///   - secondsSinceEpoch: the clock that certificates are made and judged by.
    public init(hostKey: PrivateKey, secondsSinceEpoch: @escaping @Sendable () -> Int64) {
        self.hostKey = hostKey
        self.secondsSinceEpoch = secondsSinceEpoch
    }

    /// Goes by the system's clock.
    public convenience init(hostKey: PrivateKey) {
        self.init(hostKey: hostKey) { Int64(time(nil)) }
    }

    public func secure(
        _ channel: any Channel,
        direction: Direction,
        expectedPeer: PeerID?,
        muxers: [ProtocolID]
    ) -> EventLoopFuture<SecuredPeer> {
        let promise = channel.eventLoop.makePromise(of: SecuredPeer.self)
        let handshake = TLSHandshakeHandler(
            verification: TLSPeerVerification(
                localPeer: self.hostKey.peerID,
                expectedPeer: direction == .outbound ? expectedPeer : nil
            ),
            secondsSinceEpoch: self.secondsSinceEpoch,
            muxers: muxers,
            security: self.protocolID,
            promise: promise
        )
        do {
            let context = try self.context(direction: direction, muxers: muxers)
            let pipeline = channel.pipeline.syncOperations
            // First the one that hears of the outcome: the other begins to speak as soon as it is added.
            try pipeline.addHandler(handshake)
            try pipeline.addHandler(
                Self.tlsHandler(context, direction: direction, handshake: handshake),
                position: .before(handshake)
            )
        } catch let error as SecurityError {
            promise.fail(error)
        } catch {
            promise.fail(SecurityError.channelClosed)
        }
        return promise.futureResult
    }

    private static func tlsHandler(
        _ context: NIOSSLContext,
        direction: Direction,
        handshake: TLSHandshakeHandler
    ) throws -> NIOSSLHandler {
        switch direction {
        case .inbound:
            NIOSSLServerHandler(context: context) { certificates, verdict in
                verdict.succeed(handshake.receiveCertificates(certificates))
            }
        case .outbound:
            // No server name: tls.md §"Future Extensibility" reserves it.
            try NIOSSLClientHandler(context: context, serverHostname: nil) { certificates, verdict in
                verdict.succeed(handshake.receiveCertificates(certificates))
            }
        }
    }

    private func context(direction: Direction, muxers: [ProtocolID]) throws(SecurityError) -> NIOSSLContext {
        let outcome = self.contexts.withLock { cache in
            Result { () throws(SecurityError) in
                try cache.context(
                    direction: direction,
                    muxers: muxers,
                    hostKey: self.hostKey,
                    now: self.secondsSinceEpoch
                )
            }
        }
        return try outcome.get()
    }
}
