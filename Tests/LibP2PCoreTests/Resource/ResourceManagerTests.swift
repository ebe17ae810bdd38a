import LibP2PCore
import Multiformats
import NIOCore
import Testing

@Suite struct ResourceManagerTests {
    private let start = NIODeadline.uptimeNanoseconds(0)
    private let peer: PeerID

    init() throws {
        self.peer = try PeerID(bytes: [0x12, 0x20] + [UInt8](repeating: 1, count: 32))
    }

    private func open(
        _ manager: ResourceManager,
        _ direction: Direction = .inbound,
        from address: String? = nil,
        at seconds: Int64 = 0
    ) throws(ResourceError) -> ConnectionScope {
        let address = address.flatMap { try? Multiaddr($0) }
        return try manager.openConnection(direction, remoteAddress: address, now: self.start + .seconds(seconds))
    }

    @Test(arguments: [1, 2, 3])
    func connectionsOfTheSystemAreBounded(_ count: Int) {
        var limits = ResourceLimits.unlimited
        limits.system.inboundConnections = 2
        let manager = ResourceManager(limits: limits)

        let scopes = (0..<count).compactMap { _ in try? self.open(manager) }

        #expect(scopes.count == min(count, 2))
        #expect(manager.systemUsage.inboundConnections == scopes.count)
        #expect(manager.refusals == UInt64(count - scopes.count))
        withExtendedLifetime(scopes) {}
    }

    @Test func aRefusalNamesTheLimit() throws {
        var limits = ResourceLimits.unlimited
        limits.transient.connections = 0

        let error = #expect(throws: ResourceError.self) { try self.open(ResourceManager(limits: limits)) }

        #expect(error.map { "\($0)" } == "transient: more than 0 connections")
    }

    @Test func aKnownPeerIsNotTransient() throws {
        var limits = ResourceLimits.unlimited
        limits.peer.connections = 1
        let manager = ResourceManager(limits: limits)
        let (first, second) = (try self.open(manager), try self.open(manager))
        try first.attach(to: self.peer)
        #expect(manager.transientUsage.connections == 1)

        #expect(throws: ResourceError.limitExceeded(scope: "peer", resource: "connections", limit: 1)) {
            try second.attach(to: self.peer)
        }
        first.close()
        try second.attach(to: self.peer)

        #expect(manager.usage(of: self.peer).connections == 1)
        #expect(manager.transientUsage.connections == 0)
        second.close()
    }

    @Test func whatIsDroppedIsNotCounted() throws {
        let manager = ResourceManager(limits: .unlimited)
        do {
            let connection = try self.open(manager)
            try connection.attach(to: self.peer)
            let stream = try connection.openStream(.inbound)
            try stream.attach(to: "/a")
            try connection.reserveMemory(1000)
            #expect(manager.systemUsage.memoryBytes == 1000)
            withExtendedLifetime((connection, stream)) {}
        }

        #expect(manager.systemUsage == ResourceUsage())
        #expect(manager.transientUsage == ResourceUsage())
        #expect(manager.usage(of: self.peer) == ResourceUsage())
        #expect(manager.usage(of: "/a") == ResourceUsage())
    }

    @Test func closingTwiceCountsOnce() throws {
        let manager = ResourceManager(limits: .unlimited)
        let connection = try self.open(manager)
        try connection.attach(to: self.peer)
        let stream = try connection.openStream(.outbound)

        stream.close()
        stream.close()
        connection.close()
        connection.close()

        #expect(manager.systemUsage == ResourceUsage())
        #expect(throws: ResourceError.scopeClosed) { try connection.openStream(.inbound) }
        #expect(throws: ResourceError.scopeClosed) { try stream.attach(to: "/a") }
    }

    @Test func streamsOfAProtocolWithOnePeerAreBounded() throws {
        var limits = ResourceLimits.unlimited
        limits.protocolPeer.streams = 1
        let connection = try self.open(ResourceManager(limits: limits))
        try connection.attach(to: self.peer)
        let (first, second) = (try connection.openStream(.inbound), try connection.openStream(.inbound))
        try first.attach(to: "/a")

        #expect(throws: ResourceError.self) { try second.attach(to: "/a") }
        try second.attach(to: "/b")
    }

    @Test(arguments: [(100, true), (101, false), (Int.max, false)])
    func memoryIsBounded(_ bytes: Int, _ isGranted: Bool) throws {
        var limits = ResourceLimits.unlimited
        limits.connection.memoryBytes = 100
        let connection = try self.open(ResourceManager(limits: limits))

        #expect(((try? connection.reserveMemory(bytes)) != nil) == isGranted)
    }

    @Test(arguments: [8, 9])
    func connectionsOfOneAddressAreBounded(_ count: Int) {
        var limits = ResourceLimits.unlimited
        limits.addresses = .standard
        let manager = ResourceManager(limits: limits)

        let scopes = (0..<count).compactMap { _ in try? self.open(manager, from: "/ip4/8.8.8.8/tcp/1") }

        #expect(scopes.count == 8)
        #expect((try? self.open(manager, from: "/ip4/8.8.4.4/tcp/1")) != nil)
        withExtendedLifetime(scopes) {}
    }

    @Test func aNetworkOfVersion6CountsAsOneAddress() {
        var limits = ResourceLimits.unlimited
        limits.addresses = .standard
        let manager = ResourceManager(limits: limits)

        let scopes = (0..<9).compactMap { number in
            try? self.open(manager, from: "/ip6/2606:4700:0:ab\(number)\(number)::1/tcp/1")
        }

        #expect(scopes.count == 8)
    }

    @Test func newConnectionsOfOneAddressComeAtARate() throws {
        var limits = ResourceLimits.unlimited
        limits.addresses = .standard
        let manager = ResourceManager(limits: limits)
        for _ in 0..<16 { try self.open(manager, from: "/ip4/8.8.8.8/tcp/1").close() }

        #expect(throws: ResourceError.rateExceeded(scope: "network /32", resource: "inbound connections")) {
            try self.open(manager, from: "/ip4/8.8.8.8/tcp/1", at: 4)
        }
        try self.open(manager, from: "/ip4/8.8.8.8/tcp/1", at: 5).close()
    }

    @Test func loopbackIsNotLimitedByAddress() throws {
        var limits = ResourceLimits.unlimited
        limits.addresses = .standard
        let manager = ResourceManager(limits: limits)

        let scopes = try (0..<100).map { _ in try self.open(manager, from: "/ip4/127.0.0.1/tcp/1") }

        #expect(scopes.count == 100)
    }

    @Test func limitsScaleWithTheMachine() {
        let limits = ResourceLimits.scaled(memoryBytes: 24 << 30, descriptors: 20_000)

        #expect(limits.system.inboundConnections == 256)
        #expect(limits.system.outboundConnections == 512)
        #expect(limits.system.inboundStreams == 4096)
        #expect(limits.system.descriptors == 10_000)
        #expect(limits.peer.connections == 8)
        #expect(
            ResourceLimits.scaled(memoryBytes: 1 << 30, descriptors: 1024, highWater: 512).system.connections == 1024
        )
    }

    @Test func theMachineHasSomething() {
        #expect(MachineResources.memoryBytes > 1 << 20)
        #expect(MachineResources.descriptors > 0)
    }
}
