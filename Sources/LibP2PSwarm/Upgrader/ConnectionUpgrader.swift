public import LibP2PCore
public import Multiformats
public import NIOCore

/// Makes a fresh channel secure and able to carry streams: multistream-select, security handshake, muxer.
///
/// With one security configured it is proposed lazily, likewise a single muxer, and a muxer agreed on within the handshake needs no
/// multistream-select at all: a dialer that offers one of each has its first stream under way one round trip after the TCP handshake.
/// libp2p/specs connections/README.md §"Upgrading Connections", connections/inlined-muxer-negotiation.md.
///
/// Afterwards the pipeline holds the handlers of security and muxer, and while a lazily proposed muxer is unconfirmed the one that waits
/// for the confirmation.
public final class ConnectionUpgrader: Upgrader {
    let localPeer: PeerID
    let securities: [any SecurityUpgrade]
    let muxers: [any MuxerUpgrade]
    let negotiation: any ChannelNegotiation
    let phaseTimeout: TimeAmount
    let admission: ConnectionAdmission?

    /// - Parameters:
    ///   - securities: best first.
    ///   - muxers: best first.
    ///   - phaseTimeout: what each of the three phases may take at most, within the timeout of the whole upgrade. Bounds how long a
    ///     peer that says nothing, or a byte now and then, holds a socket.
    ///   - admission: counts inbound connections, and refuses those beyond a limit, before anything is read from them.
    public init(
        localPeer: PeerID,
        securities: [any SecurityUpgrade],
        muxers: [any MuxerUpgrade],
        negotiation: any ChannelNegotiation,
        phaseTimeout: TimeAmount = .seconds(10),
        admission: ConnectionAdmission? = nil
    ) {
        self.localPeer = localPeer
        self.securities = securities
        self.muxers = muxers
        self.negotiation = negotiation
        self.phaseTimeout = phaseTimeout
        self.admission = admission
    }

    public func upgrade(
        _ channel: any Channel,
        direction: Direction,
        expectedPeer: PeerID?,
        localAddress: Multiaddr,
        remoteAddress: Multiaddr,
        timeout: TimeAmount
    ) -> EventLoopFuture<UpgradedConnection> {
        channel.eventLoop.assertInEventLoop()
        var scope: ConnectionScope?
        if case .inbound = direction, let admission = self.admission {
            do {
                scope = try admission.admitInbound(from: remoteAddress, now: channel.eventLoop.now)
            } catch {
                channel.close(promise: nil)
                return channel.eventLoop.makeFailedFuture(error)
            }
        }
        let run = UpgradeRun(
            self,
            channel: channel,
            direction: direction,
            expectedPeer: expectedPeer,
            localAddress: localAddress,
            remoteAddress: remoteAddress,
            scope: scope,
            deadline: channel.eventLoop.now + timeout
        )
        return run.start()
    }
}
