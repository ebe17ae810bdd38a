import LibP2P
import LibP2PCore
import Multiformats
import NIOCore
import NIOPosix
import Testing

@Suite struct HostStartTests {
    private func start(_ configure: (inout HostConfiguration) -> Void) async throws -> Host {
        let host = Host(
            configuration: try hostConfiguration(.ed25519, configure),
            group: MultiThreadedEventLoopGroup.singleton,
            logger: testLogger
        )
        try await host.start().get()
        return host
    }

    @Test func withoutAddressesNothingIsBound() async throws {
        let host = try await self.start { $0.listenAddresses = [] }

        #expect(host.addresses.isEmpty)
        #expect(host.network.listenAddresses.isEmpty)
        try await host.close().get()
    }

    @Test func anAddressThatCannotBeBoundIsListedAndTheOthersAreUsed() async throws {
        let bad = try Multiaddr("/ip4/127.0.0.1/udp/0/quic-v1")
        let host = try await self.start { $0.listenAddresses.insert(bad, at: 0) }

        #expect(host.addresses.count == 1)
        #expect(host.listenFailures.map(\.address) == [bad])
        try await host.close().get()
    }

    @Test func aHostThatCanBindNothingDoesNotStart() async throws {
        let taken = try await self.start { _ in }
        let address = try #require(taken.addresses.first)

        let error = await #expect(throws: HostError.self) { try await self.start { $0.listenAddresses = [address] } }

        guard case .noAddressBound(let failures) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(failures.map(\.address) == [address])
        try await taken.close().get()
    }

    @Test func unspecifiedAddressesAreSpeltOut() async throws {
        let any = try Multiaddr("/ip4/0.0.0.0/tcp/0")
        let host = try await self.start { $0.listenAddresses = [any] }

        let bound = try #require(host.network.listenAddresses.first?.tcpEndpoint)
        #expect(host.addresses.contains(Multiaddr(ip: .v4(0x7f00_0001), tcpPort: bound.port)))
        #expect(!host.addresses.contains { $0.isUnspecified })
        try await host.close().get()
    }

    @Test func announcedAddressesTakeTheirPlace() async throws {
        let announced = try Multiaddr("/dns4/example.com/tcp/4001")
        let host = try await self.start { $0.announceAddresses = [announced] }

        #expect(host.addresses == [announced])
        try await host.close().get()
    }

    @Test func closingTwiceIsFine() async throws {
        let host = try await self.start { _ in }

        try await host.close().get()
        try await host.close().get()

        await #expect(throws: NetworkError.networkClosed) {
            try await host.connect(to: try PrivateKey.generate(.ed25519).peerID, timeout: .seconds(1)).get()
        }
    }
}
