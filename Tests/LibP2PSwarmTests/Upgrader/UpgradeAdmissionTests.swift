import LibP2PCore
import LibP2PSwarm
import LibP2PUpgrades
import Multiformats
import NIOCore
import NIOEmbedded
import Testing

@Suite struct UpgradeAdmissionTests {
    private let channel = EmbeddedChannel()

    private func upgrade(_ resources: ResourceManager, _ direction: Direction = .inbound) throws -> Outcome<
        UpgradedConnection
    > {
        let upgrader = ConnectionUpgrader(
            localPeer: try PrivateKey.generate(.ed25519).publicKey.peerID,
            securities: [],
            muxers: [],
            negotiation: ChannelNegotiator(),
            admission: ConnectionAdmission(resources: resources, gater: OpenGater())
        )
        let upgrade = upgrader.upgrade(
            self.channel,
            direction: direction,
            expectedPeer: nil,
            localAddress: .example(1),
            remoteAddress: .example(2),
            timeout: .seconds(10)
        )
        return Outcome(upgrade)
    }

    @Test func aSocketBeyondTheLimitIsClosedBeforeAnythingIsRead() throws {
        var limits = ResourceLimits.unlimited
        limits.transient.inboundConnections = 0

        let outcome = try self.upgrade(ResourceManager(limits: limits))
        self.channel.embeddedEventLoop.run()

        #expect(outcome.completions == 1 && outcome.value == nil)
        #expect(!self.channel.isActive)
    }

    @Test func anUpgradeThatFailsIsNotCountedAnyMore() throws {
        let resources = ResourceManager(limits: .unlimited)
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
        let outcome = try self.upgrade(resources)
        #expect(resources.systemUsage.inboundConnections == 1)

        self.channel.embeddedEventLoop.advanceTime(by: .seconds(11))

        #expect(outcome.completions == 1 && outcome.value == nil)
        #expect(resources.systemUsage.inboundConnections == 0)
    }
}
