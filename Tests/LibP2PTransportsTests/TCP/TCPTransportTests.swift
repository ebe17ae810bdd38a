import Glibc
import LibP2PCore
import LibP2PTransports
import Multiformats
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(1))) struct TCPTransportTests {
    private let group: any EventLoopGroup = .singletonMultiThreadedEventLoopGroup
    private let peer: PeerID

    init() throws {
        self.peer = try PrivateKey.generate(.ed25519).publicKey.peerID
    }

    @Test(arguments: ["/ip4/127.0.0.1/tcp/0", "/ip6/::1/tcp/0"])
    func aDialReachesAListener(_ text: String) async throws {
        let dialer = try TestUpgrader()
        let accepter = try TestUpgrader()
        let (accepted, continuation) = AsyncStream<UpgradedConnection>.makeStream()
        let listener = try await self.transport(accepter).listen(Multiaddr(text)) { continuation.yield($0) }.get()
        let loop = self.group.next()

        let dialled = try await self.transport(dialer)
            .dial(listener.address.withPeerID(self.peer), peer: self.peer, on: loop, timeout: .seconds(10)).get()
        let inbound = try #require(await accepted.first { _ in true })

        #expect(dialled.direction == .outbound && inbound.direction == .inbound)
        #expect(dialled.remoteAddress == listener.address)
        #expect(inbound.localAddress == listener.address)
        #expect(inbound.remoteAddress == dialled.localAddress)
        #expect(listener.address.tcpEndpoint?.port != 0)
        #expect(dialled.muxed.eventLoop === loop)
        let asked = try #require(await dialer.next())
        #expect(asked.expectedPeer == self.peer)
        #expect(asked.timeout <= .seconds(10) && asked.timeout > .seconds(1))
        #expect(await accepter.next()?.expectedPeer == nil)
        try await dialled.muxed.close(.noError).get()
        try await listener.close().get()
    }

    @Test func bytesThatArriveBeforeTheHandlersAreNotLost() async throws {
        let upgrader = try TestUpgrader(isHolding: true)
        let listener = try await self.transport(upgrader).listen(Multiaddr("/ip4/127.0.0.1/tcp/0")) { _ in }.get()
        let sent = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }

        let client = try await self.connect(to: listener)
        // The kernel has all of it, or as much as fits, before anybody looks.
        client.writeAndFlush(ByteBuffer(bytes: sent), promise: nil)
        let request = try #require(await upgrader.next())
        let received = request.channel.eventLoop.makePromise(of: [UInt8].self)
        try await request.channel.eventLoop.submit {
            try request.channel.pipeline.syncOperations.addHandler(
                InboundProbe(expecting: sent.count, promise: received)
            )
        }.get()
        try await request.channel.setOption(.autoRead, value: true).get()

        #expect(try await received.futureResult.get() == sent)
        try await client.close()
        try await listener.close().get()
    }

    @Test func channelsAreSetUpForProtocols() async throws {
        let dialer = try TestUpgrader()
        let accepter = try TestUpgrader()
        let listener = try await self.transport(accepter).listen(Multiaddr("/ip4/127.0.0.1/tcp/0")) { _ in }.get()
        _ = try await self.transport(dialer)
            .dial(listener.address, peer: self.peer, on: self.group.next(), timeout: .seconds(10)).get()

        for upgrader in [dialer, accepter] {
            let channel = try #require(await upgrader.next()).channel
            #expect(try await channel.getOption(.tcpOption(.tcp_nodelay)).get() != 0)
            #expect(try await channel.getOption(.socketOption(.so_keepalive)).get() != 0)
            #expect(try await channel.getOption(.autoRead).get() == false)
            #expect(try await channel.getOption(.writeBufferWaterMark).get().high == 262_144)
        }
        try await listener.close().get()
    }

    // An address of its own: on 127.0.0.1 a test beside it may take the port that was just given back.
    @Test func aClosedPortRefuses() async throws {
        let transport = try self.transport(TestUpgrader())
        let listener = try await transport.listen(Multiaddr("/ip4/127.0.7.1/tcp/0")) { _ in }.get()
        let address = listener.address
        try await listener.close().get()

        await #expect(throws: TransportError.connectFailed(address, "connection refused")) {
            try await transport.dial(address, peer: self.peer, on: self.group.next(), timeout: .seconds(10)).get()
        }
    }

    @Test func aTakenPortCannotBeBound() async throws {
        let transport = try self.transport(TestUpgrader())
        let listener = try await transport.listen(Multiaddr("/ip4/127.0.0.1/tcp/0")) { _ in }.get()

        let foreign = try Multiaddr("/ip4/192.0.2.1/tcp/0")

        await #expect(throws: TransportError.bindFailed(listener.address, "address already in use")) {
            try await transport.listen(listener.address) { _ in }.get()
        }
        await #expect(throws: TransportError.bindFailed(foreign, "cannot assign requested address")) {
            try await transport.listen(foreign) { _ in }.get()
        }
        try await listener.close().get()
    }

    @Test func bothFamiliesListenOnOnePort() async throws {
        let transport = try self.transport(TestUpgrader())
        let ip4 = try await transport.listen(Multiaddr("/ip4/0.0.0.0/tcp/0")) { _ in }.get()
        let port = try #require(ip4.address.tcpEndpoint?.port)

        let ip6 = try await transport.listen(Multiaddr("/ip6/::/tcp/\(port)")) { _ in }.get()

        #expect(ip4.address.description == "/ip4/0.0.0.0/tcp/\(port)")
        #expect(ip6.address.description == "/ip6/::/tcp/\(port)")
        try await ip4.close().get()
        try await ip6.close().get()
    }

    @Test(arguments: [
        ("/ip4/192.0.2.1/tcp/80", true, true),
        ("/ip4/192.0.2.1/tcp/80/p2p/12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV", true, false),
        ("/ip6zone/lo/ip6/fe80::1/tcp/80", true, true),
        ("/ip4/192.0.2.1/tcp/0", false, true),
        ("/ip4/192.0.2.1/tcp/80/ws", false, false),
        ("/ip4/192.0.2.1/udp/80", false, false),
        ("/dns4/example.com/tcp/80", false, false),
        ("/unix/tmp/x", false, false),
    ])
    func onlyPlainTCPIsUnderstood(_ text: String, _ canDial: Bool, _ canListen: Bool) async throws {
        let transport = try self.transport(TestUpgrader())
        let address = try Multiaddr(text)

        #expect(transport.canDial(address) == canDial)
        #expect(transport.canListen(address) == canListen)
        if !canDial {
            await #expect(throws: TransportError.addressNotSupported(address)) {
                try await transport.dial(address, peer: self.peer, on: self.group.next(), timeout: .seconds(1)).get()
            }
        }
        if !canListen {
            await #expect(throws: TransportError.addressNotSupported(address)) {
                try await transport.listen(address) { _ in }.get()
            }
        }
    }

    @Test func anUnknownZoneIsNotSupported() async throws {
        let address = try Multiaddr("/ip6zone/no-such-if/ip6/fe80::1/tcp/80")

        await #expect(throws: TransportError.addressNotSupported(address)) {
            try await self.transport(TestUpgrader())
                .dial(address, peer: self.peer, on: self.group.next(), timeout: .seconds(1)).get()
        }
    }

    @Test func aFailedUpgradeFailsTheDial() async throws {
        let dialer = try TestUpgrader(isHolding: true)
        let listener = try await self.transport(TestUpgrader()).listen(Multiaddr("/ip4/127.0.0.1/tcp/0")) { _ in }.get()
        let dialled = self.transport(dialer)
            .dial(listener.address, peer: self.peer, on: self.group.next(), timeout: .seconds(10))

        try #require(await dialer.next()).promise.fail(TransportError.negotiationFailed("nothing in common"))

        await #expect(throws: TransportError.negotiationFailed("nothing in common")) { try await dialled.get() }
        try await listener.close().get()
    }

    @Test func connectionsBeyondTheLimitAreClosedUntilOneIsDone() async throws {
        let upgrader = try TestUpgrader(isHolding: true)
        var configuration = TCPConfiguration()
        configuration.maximumInboundUpgrades = 2
        configuration.maximumInboundUpgradesPerAddress = 1
        let (upgraded, continuation) = AsyncStream<UpgradedConnection>.makeStream()
        let listener = try await TCPTransport(group: self.group, upgrader: upgrader, configuration: configuration)
            .listen(Multiaddr("/ip4/127.0.0.1/tcp/0")) { continuation.yield($0) }.get()
        // Loopback is not limited by address.
        var clients = [try await self.connect(to: listener), try await self.connect(to: listener)]
        let first = try #require(await upgrader.next())
        let second = try #require(await upgrader.next())

        let refused = try await self.connect(to: listener)
        try await refused.closeFuture.get()
        upgrader.complete(first)
        _ = await upgraded.first { _ in true }
        clients.append(try await self.connect(to: listener))
        let third = try #require(await upgrader.next())
        // A failed upgrade gives its place back too.
        second.promise.fail(ChannelError.eof)
        clients.append(try await self.connect(to: listener))

        #expect(await upgrader.next() != nil)
        #expect(third.direction == .inbound)
        for client in clients {
            try await client.close()
        }
        try await listener.close().get()
    }

    @Test func aClosedListenerAcceptsNoMoreButKeepsItsConnections() async throws {
        let upgrader = try TestUpgrader()
        let listener = try await self.transport(upgrader).listen(Multiaddr("/ip4/127.0.7.2/tcp/0")) { _ in }.get()
        let client = try await self.connect(to: listener)
        let request = try #require(await upgrader.next())

        try await listener.close().get()
        try await listener.close().get()

        #expect(request.channel.isActive && client.isActive)
        await #expect(throws: (any Error).self) { try await self.connect(to: listener) }
        try await client.close()
    }

    @Test func acceptedConnectionsAreSpreadOverTheLoops() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 2)
        let upgrader = try TestUpgrader()
        let listener = try await TCPTransport(group: group, upgrader: upgrader)
            .listen(Multiaddr("/ip4/127.0.0.1/tcp/0")) { _ in }.get()

        var loops: Set<ObjectIdentifier> = []
        for _ in 0..<4 {
            _ = try await self.connect(to: listener)
            loops.insert(ObjectIdentifier(try #require(await upgrader.next()).channel.eventLoop))
        }

        #expect(loops.count == 2)
        try await listener.close().get()
        try await group.shutdownGracefully()
    }

    @Test func aPassedSocketIsListenedOn() async throws {
        let upgrader = try TestUpgrader()
        let descriptor = try #require(Self.boundSocket())

        let listener = try await self.transport(upgrader).listen(onDescriptor: descriptor) { _ in }.get()
        let client = try await self.connect(to: listener)

        #expect(listener.address.isLoopback)
        #expect(await upgrader.next()?.localAddress == listener.address)
        try await client.close()
        try await listener.close().get()
    }

    /// A TCP socket on a free loopback port, as a service manager would pass it.
    private static func boundSocket() -> CInt? {
        let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        // sockaddr_in: family, port 0, 127.0.0.1.
        var address: [UInt8] = [UInt8(AF_INET), 0, 0, 0, 127, 0, 0, 1] + [UInt8](repeating: 0, count: 8)
        let status = address.withUnsafeMutableBytes { bytes in
            bytes.withMemoryRebound(to: sockaddr.self) { bind(descriptor, $0.baseAddress, socklen_t(bytes.count)) }
        }
        return status == 0 ? descriptor : nil
    }

    private func transport(_ upgrader: TestUpgrader) -> TCPTransport {
        TCPTransport(group: self.group, upgrader: upgrader)
    }

    /// A client without any protocol.
    private func connect(to listener: any Listener) async throws -> any Channel {
        let endpoint = try #require(listener.address.tcpEndpoint)
        return try await ClientBootstrap(group: self.group)
            .connect(host: endpoint.host, port: Int(endpoint.port)).get()
    }
}
