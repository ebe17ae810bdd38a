import LibP2PCore
import LibP2PUpgrades
import Multiformats
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PSwarm

@Suite struct ConnectionUpgraderTests {
    private static let header = "\u{13}/multistream/1.0.0\n"

    private static func key(_ seed: UInt8) throws -> PrivateKey {
        try PrivateKey(type: .ed25519, data: [UInt8](repeating: seed, count: 32))
    }

    private static func upgrader(
        _ key: PrivateKey,
        securities: [any SecurityUpgrade]? = nil,
        muxers: [any MuxerUpgrade] = [YamuxUpgrade()]
    ) -> ConnectionUpgrader {
        ConnectionUpgrader(
            localPeer: key.peerID,
            securities: securities ?? [NoiseUpgrade(identity: key)],
            muxers: muxers,
            negotiation: ChannelNegotiator()
        )
    }

    /// Two channels in memory that are upgraded against each other.
    private final class Pair {
        let loop = EmbeddedEventLoop()
        let dialer: EmbeddedChannel
        let listener: EmbeddedChannel
        let dialled = UpgradeResult()
        let accepted = UpgradeResult()
        var flights = 0

        init(
            dialer dialling: ConnectionUpgrader,
            listener accepting: ConnectionUpgrader,
            expected: PeerID,
            timeout: TimeAmount = .seconds(60)
        ) throws {
            self.dialer = EmbeddedChannel(loop: self.loop)
            self.listener = EmbeddedChannel(loop: self.loop)
            let address = try Multiaddr("/ip4/127.0.0.1/tcp/4001")
            for channel in [self.dialer, self.listener] {
                try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 4001)).wait()
            }
            self.accepted.wait(
                for: accepting.upgrade(
                    self.listener,
                    direction: .inbound,
                    expectedPeer: nil,
                    localAddress: address,
                    remoteAddress: address,
                    timeout: timeout
                )
            )
            self.dialled.wait(
                for: dialling.upgrade(
                    self.dialer,
                    direction: .outbound,
                    expectedPeer: expected,
                    localAddress: address,
                    remoteAddress: address,
                    timeout: timeout
                )
            )
        }

        func settle() throws {
            while true {
                self.loop.run()
                let there = try Self.drain(self.dialer)
                let back = try Self.drain(self.listener)
                guard there.readableBytes + back.readableBytes > 0 else { return }
                if there.readableBytes > 0 { self.flights += 1 }
                if there.readableBytes > 0, self.listener.isActive { _ = try? self.listener.writeInbound(there) }
                if back.readableBytes > 0, self.dialer.isActive { _ = try? self.dialer.writeInbound(back) }
                self.loop.run()
                // A socket's end is seen on the other side too.
                if !self.listener.isActive { self.dialer.close(promise: nil) }
                if !self.dialer.isActive { self.listener.close(promise: nil) }
            }
        }

        private static func drain(_ channel: EmbeddedChannel) throws -> ByteBuffer {
            var all = ByteBuffer()
            while var buffer = try channel.readOutbound(as: ByteBuffer.self) { all.writeBuffer(&buffer) }
            return all
        }
    }

    /// Keeps the outcome of an upgrade and what happens on its connection.
    private final class UpgradeResult: MuxedConnectionDelegate {
        var result: Result<UpgradedConnection, any Error>?
        var streams: [any MuxedStream] = []
        var closed: [ConnectionCloseReason] = []

        func wait(for future: EventLoopFuture<UpgradedConnection>) {
            future.assumeIsolated().whenComplete { result in
                self.result = result
                if case .success(let connection) = result { connection.muxed.delegate = self }
            }
        }

        func muxerAcceptedStream(_ stream: any MuxedStream) { self.streams.append(stream) }
        func muxerStreamEnded(_ stream: any MuxedStream) {}
        func muxerClosed(_ reason: ConnectionCloseReason) { self.closed.append(reason) }
    }

    @Test func bothSidesEndWithAMuxedConnectionToTheOther() throws {
        let (first, second) = (try Self.key(1), try Self.key(2))
        let pair = try Pair(dialer: Self.upgrader(first), listener: Self.upgrader(second), expected: second.peerID)

        try pair.settle()
        let dialled = try #require(try pair.dialled.result?.get())
        let stream = try dialled.muxed.openStream()
        stream.write(ByteBuffer(string: "hello"), promise: nil)
        try pair.settle()

        #expect(dialled.peer.peerID == second.peerID)
        #expect(dialled.muxer == "/yamux/1.0.0")
        #expect(try pair.accepted.result?.get().peer.peerID == first.peerID)
        #expect(pair.accepted.streams.count == 1)
    }

    @Test func oneSecurityAndOneMuxerTakeTwoFlightsOfTheDialer() throws {
        let (first, second) = (try Self.key(1), try Self.key(2))
        let pair = try Pair(dialer: Self.upgrader(first), listener: Self.upgrader(second), expected: second.peerID)

        pair.loop.run()
        var flight = ByteBuffer()
        while var buffer = try pair.dialer.readOutbound(as: ByteBuffer.self) { flight.writeBuffer(&buffer) }
        try pair.listener.writeInbound(flight)
        while let buffer = try pair.listener.readOutbound(as: ByteBuffer.self) { try pair.dialer.writeInbound(buffer) }

        #expect(String(buffer: flight).hasPrefix(Self.header + "\u{07}/noise\n"))
        #expect(flight.readableBytes == 20 + 8 + 2 + 32)
        #expect(try pair.dialled.result?.get() != nil)
        #expect(pair.accepted.result == nil)
        while let buffer = try pair.dialer.readOutbound(as: ByteBuffer.self) { try pair.listener.writeInbound(buffer) }
        #expect(try pair.accepted.result?.get() != nil)
    }

    @Test("Without a muxer in the handshake multistream-select finds one, lazily or not", arguments: [1, 2], [1, 2])
    func lateMuxer(_ dialerMuxers: Int, _ listenerMuxers: Int) throws {
        let (first, second) = (try Self.key(1), try Self.key(2))
        let muxers: [any MuxerUpgrade] = [YamuxUpgrade(), OtherMuxer()]
        let pair = try Pair(
            dialer: Self.upgrader(
                first,
                securities: [MuteSecurity(NoiseUpgrade(identity: first))],
                muxers: Array(muxers.prefix(dialerMuxers))
            ),
            listener: Self.upgrader(second, muxers: Array(muxers.prefix(listenerMuxers))),
            expected: second.peerID
        )

        try pair.settle()
        let stream = try #require(try pair.dialled.result?.get()).muxed.openStream()
        stream.write(ByteBuffer(string: "hello"), promise: nil)
        try pair.settle()

        #expect(try pair.accepted.result?.get().muxer == "/yamux/1.0.0")
        #expect(pair.accepted.streams.count == 1)
        pair.loop.advanceTime(by: .seconds(11))
        #expect(pair.dialer.isActive)
    }

    @Test func aRefusedSecurityIsFollowedByTheNext() throws {
        let (first, second) = (try Self.key(1), try Self.key(2))
        let noise = NoiseUpgrade(identity: first)
        let pair = try Pair(
            dialer: Self.upgrader(first, securities: [RenamedSecurity(noise), noise]),
            listener: Self.upgrader(second),
            expected: second.peerID
        )

        try pair.settle()

        #expect(try pair.dialled.result?.get().peer.security == "/noise")
    }

    @Test("No security in common fails on both sides", arguments: [true, false])
    func noSecurity(_ isLazy: Bool) throws {
        let (first, second) = (try Self.key(1), try Self.key(2))
        let renamed = RenamedSecurity(NoiseUpgrade(identity: first))
        let pair = try Pair(
            dialer: Self.upgrader(first, securities: isLazy ? [renamed] : [renamed, renamed]),
            listener: Self.upgrader(second),
            expected: second.peerID
        )

        try pair.settle()

        #expect(throws: TransportError.self) { _ = try pair.dialled.result?.get() }
        #expect(throws: TransportError.self) { _ = try pair.accepted.result?.get() }
        #expect(!pair.dialer.isActive)
    }

    @Test func aLazilyProposedMuxerThatIsRefusedEndsTheConnection() throws {
        let (first, second) = (try Self.key(1), try Self.key(2))
        let pair = try Pair(
            dialer: Self.upgrader(first, securities: [MuteSecurity(NoiseUpgrade(identity: first))]),
            listener: Self.upgrader(second, muxers: [OtherMuxer()]),
            expected: second.peerID
        )

        try pair.settle()

        #expect(pair.dialled.closed.count == 1)
        #expect(!pair.dialer.isActive)
    }

    @Test func anotherPeerThanExpectedFails() throws {
        let (first, second, third) = (try Self.key(1), try Self.key(2), try Self.key(3))
        let pair = try Pair(dialer: Self.upgrader(first), listener: Self.upgrader(second), expected: third.peerID)

        try pair.settle()

        #expect(throws: SecurityError.peerIDMismatch(expected: third.peerID, actual: second.peerID)) {
            _ = try pair.dialled.result?.get()
        }
        #expect(!pair.dialer.isActive)
    }

    @Test func ourselvesFail() throws {
        let key = try Self.key(1)
        let pair = try Pair(dialer: Self.upgrader(key), listener: Self.upgrader(key), expected: key.peerID)

        try pair.settle()

        #expect(throws: SecurityError.selfDial) { _ = try pair.dialled.result?.get() }
    }

    /// What a peer may say before it falls silent.
    static let stalls = [
        "", "\u{13}/multistream", header, header + "\u{03}/x\n", header + "\u{07}/noise\n",
        header + "\u{07}/noise\n\u{00}\u{20}abc",
    ]

    @Test("A silent peer is cut off when its phase ends", arguments: stalls)
    func stall(_ said: String) throws {
        let (first, second) = (try Self.key(1), try Self.key(2))
        let pair = try Pair(dialer: Self.upgrader(first), listener: Self.upgrader(second), expected: second.peerID)
        if !said.isEmpty { try pair.listener.writeInbound(ByteBuffer(string: said)) }

        pair.loop.advanceTime(by: .milliseconds(9_999))
        #expect(pair.accepted.result == nil)
        pair.loop.advanceTime(by: .milliseconds(1))

        #expect(throws: TransportError.timedOut) { _ = try pair.accepted.result?.get() }
        #expect(throws: TransportError.timedOut) { _ = try pair.dialled.result?.get() }
        #expect(!pair.listener.isActive)
        #expect(!pair.dialer.isActive)
    }

    @Test func aPeerThatKeepsTalkingIsCutOffToo() throws {
        let (first, second) = (try Self.key(1), try Self.key(2))
        let pair = try Pair(dialer: Self.upgrader(first), listener: Self.upgrader(second), expected: second.peerID)
        try pair.listener.writeInbound(ByteBuffer(string: Self.header))

        for _ in 0..<20 where pair.listener.isActive {
            try pair.listener.writeInbound(ByteBuffer(string: "\u{03}/x\n"))
            pair.loop.advanceTime(by: .milliseconds(500))
        }

        #expect(throws: TransportError.timedOut) { _ = try pair.accepted.result?.get() }
    }

    @Test func theTimeoutOfTheWholeIsKept() throws {
        let (first, second) = (try Self.key(1), try Self.key(2))
        let pair = try Pair(
            dialer: Self.upgrader(first),
            listener: Self.upgrader(second),
            expected: second.peerID,
            timeout: .seconds(3)
        )

        pair.loop.advanceTime(by: .seconds(3))

        #expect(throws: TransportError.timedOut) { _ = try pair.dialled.result?.get() }
    }

    @Test func theEndOfTheChannelFailsTheUpgrade() throws {
        let (first, second) = (try Self.key(1), try Self.key(2))
        let pair = try Pair(dialer: Self.upgrader(first), listener: Self.upgrader(second), expected: second.peerID)

        pair.dialer.close(promise: nil)
        pair.listener.close(promise: nil)
        pair.loop.run()

        #expect(throws: (any Error).self) { _ = try pair.dialled.result?.get() }
        #expect(throws: TransportError.self) { _ = try pair.accepted.result?.get() }
    }
}

/// Noise that says nothing of muxers.
private struct MuteSecurity: SecurityUpgrade {
    let base: NoiseUpgrade
    var protocolID: ProtocolID { self.base.protocolID }

    init(_ base: NoiseUpgrade) { self.base = base }

    func secure(
        _ channel: any Channel,
        direction: Direction,
        expectedPeer: PeerID?,
        muxers: [ProtocolID]
    ) -> EventLoopFuture<SecuredPeer> {
        self.base.secure(channel, direction: direction, expectedPeer: expectedPeer, muxers: [])
    }
}

/// A security nobody else has.
private struct RenamedSecurity: SecurityUpgrade {
    let base: NoiseUpgrade
    let protocolID: ProtocolID = "/nobody-has-this"

    init(_ base: NoiseUpgrade) { self.base = base }

    func secure(
        _ channel: any Channel,
        direction: Direction,
        expectedPeer: PeerID?,
        muxers: [ProtocolID]
    ) -> EventLoopFuture<SecuredPeer> {
        self.base.secure(channel, direction: direction, expectedPeer: expectedPeer, muxers: muxers)
    }
}

/// Yamux by another name.
private struct OtherMuxer: MuxerUpgrade {
    let protocolID: ProtocolID = "/other/1.0.0"

    func mux(_ channel: any Channel, direction: Direction) throws -> any MuxedConnection {
        try YamuxUpgrade().mux(channel, direction: direction)
    }
}
