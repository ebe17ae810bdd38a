import LibP2PCore
import Multiformats
import NIOCore
import NIOSSL
import NIOTLS

/// Stands behind the TLS handler, tells the outcome of the handshake and keeps TLS's own noise from the handlers after it.
///
/// Confined to the channel's event loop.
final class TLSHandshakeHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let verification: TLSPeerVerification
    private let secondsSinceEpoch: @Sendable () -> Int64
    private let muxers: [ProtocolID]
    private let security: ProtocolID

    /// Nil once the outcome is told.
    private var promise: EventLoopPromise<SecuredPeer>?
    private var verdict: Result<TLSPeerVerification.Identity, SecurityError>?

    init(
        verification: TLSPeerVerification,
        secondsSinceEpoch: @escaping @Sendable () -> Int64,
        muxers: [ProtocolID],
        security: ProtocolID,
        promise: EventLoopPromise<SecuredPeer>
    ) {
        self.verification = verification
        self.secondsSinceEpoch = secondsSinceEpoch
        self.muxers = muxers
        self.security = security
        self.promise = promise
    }

    /// Judges what the peer sent; the reason of a refusal is kept, for TLS only knows that there was one.
    func receiveCertificates(_ certificates: [NIOSSLCertificate]) -> NIOSSLVerificationResult {
        let verdict = Result { () throws(SecurityError) in
            try self.verification.verify(self.encoded(certificates), now: self.secondsSinceEpoch())
        }
        self.verdict = verdict
        switch verdict {
        case .success: return .certificateVerified
        case .failure: return .failed
        }
    }

    private func encoded(_ certificates: [NIOSSLCertificate]) throws(SecurityError) -> [[UInt8]] {
        do {
            return try certificates.map { try $0.toDERBytes() }
        } catch {
            throw .handshakeFailed("certificate cannot be read")
        }
    }

    func handlerAdded(context: ChannelHandlerContext) {
        // Nobody else reads while the handshake runs on a channel that does not read by itself. Not before the channel is
        // active: NIO remembers a read of an unregistered channel and never carries it out.
        if context.channel.isActive { context.read() }
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        context.read()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case TLSUserEvent.handshakeCompleted(let negotiated)? = event as? TLSUserEvent else {
            context.fireUserInboundEventTriggered(event)
            return
        }
        switch self.verdict {
        case .success(let identity):
            // Before the TLS handler decrypts what came with the end of the handshake: the promise's callbacks run in this call
            // and add the handlers that take it.
            self.takePromise()?.succeed(
                SecuredPeer(
                    peerID: identity.peerID,
                    publicKey: identity.publicKey,
                    security: self.security,
                    muxer: self.muxers.first { $0.rawValue == negotiated }
                )
            )
        case .failure(let error):
            self.fail(error, context: context)
        case nil:
            // A resumed session asks for no certificate; this upgrade gives out no tickets, so nobody honest gets here.
            self.fail(.handshakeFailed("peer showed no certificate"), context: context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard self.promise != nil else {
            // TCP ended without TLS's goodbye. Many do that, and the muxer tells whether the peer was done.
            if case NIOSSLError.uncleanShutdown? = error as? NIOSSLError { return }
            if error is NIOSSLCloseTimedOutError { return }
            context.fireErrorCaught(error)
            return
        }
        if case .failure(let reason) = self.verdict {
            self.fail(reason, context: context)
        } else if error as? NIOSSLError == .handshakeFailed(.sslError([.eofDuringHandshake])) {
            self.fail(.channelClosed, context: context)
        } else {
            self.fail(.handshakeFailed("\(error)"), context: context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.takePromise()?.fail(SecurityError.channelClosed)
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.takePromise()?.fail(SecurityError.channelClosed)
    }

    private func fail(_ error: SecurityError, context: ChannelHandlerContext) {
        self.takePromise()?.fail(error)
        context.close(promise: nil)
    }

    private func takePromise() -> EventLoopPromise<SecuredPeer>? {
        defer { self.promise = nil }
        return self.promise
    }
}
