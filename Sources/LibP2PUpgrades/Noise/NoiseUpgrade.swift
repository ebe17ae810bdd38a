public import LibP2PCore
public import Multiformats
public import NIOCore
import Synchronization

/// `/noise`: `Noise_XX_25519_ChaChaPoly_SHA256` with libp2p's payload. libp2p/specs noise/README.md, r5.
///
/// One static key serves all connections of a host, made and signed for the first of them: a signature per inbound handshake
/// would be work that any stranger can ask for. It is never stored; the ephemeral keys give forward secrecy.
public final class NoiseUpgrade: SecurityUpgrade {
    private let identity: PrivateKey
    private let credentials = Mutex<NoiseCredentials?>(nil)

    public init(identity: PrivateKey) {
        self.identity = identity
    }

    public var protocolID: ProtocolID { NoiseHandshakeMachine.protocolID }

    public func secure(
        _ channel: any Channel,
        direction: Direction,
        expectedPeer: PeerID?,
        muxers: [ProtocolID]
    ) -> EventLoopFuture<SecuredPeer> {
        channel.eventLoop.assertInEventLoop()
        let promise = channel.eventLoop.makePromise(of: SecuredPeer.self)
        do {
            let machine = NoiseHandshakeMachine(
                direction: direction,
                credentials: try self.sharedCredentials(),
                ephemeralKeys: try X25519.KeyPair.generate(),
                expectedPeer: expectedPeer,
                muxers: muxers
            )
            let handler = NoiseHandler(machine, promise: promise)
            do {
                try channel.pipeline.syncOperations.addHandler(handler)
            } catch {
                // The pipeline is gone with its channel; the handler never saw it.
                promise.fail(SecurityError.channelClosed)
            }
        } catch {
            promise.fail(SecurityError.handshakeFailed("noise: \(error)"))
        }
        return promise.futureResult
    }

    private func sharedCredentials() throws(KeyError) -> NoiseCredentials {
        try self.credentials.withLock { credentials throws(KeyError) in
            if let credentials { return credentials }
            let fresh = try NoiseCredentials(identity: self.identity, staticKeys: .generate())
            credentials = fresh
            return fresh
        }
    }
}
