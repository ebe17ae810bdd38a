import Multiformats
import NIOCore
import Testing

@testable import LibP2PTransports

@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("/ip4/192.0.2.7/tcp/4001", "192.0.2.7", 4001), ("/ip6/2001:db8::1/tcp/258", "2001:db8::1", 258),
        ("/ip4/0.0.0.0/tcp/0", "0.0.0.0", 0),
    ])
    func addressesSurviveTheSocketsForm(_ text: String, _ host: String, _ port: Int) throws {
        let address = try Multiaddr(text)
        let endpoint = try #require(address.tcpEndpoint)

        let socketAddress = try #require(SocketAddress(endpoint))

        #expect(socketAddress.ipAddress == host)
        #expect(socketAddress.port == port)
        #expect(Multiaddr(socketAddress) == address)
    }

    @Test(arguments: ["lo", "1"])
    func zonesSurviveTheSocketsForm(_ zone: String) throws {
        let address = try Multiaddr("/ip6zone/\(zone)/ip6/fe80::1/tcp/80")

        let socketAddress = try #require(address.tcpEndpoint.flatMap { SocketAddress($0) })

        #expect(Multiaddr(socketAddress)?.description == "/ip6zone/lo/ip6/fe80::1/tcp/80")
    }

    @Test func otherSocketsHaveNoAddress() throws {
        #expect(Multiaddr(try SocketAddress(unixDomainSocketPath: "/tmp/x")) == nil)
        #expect(Multiaddr(nil) == nil)
    }
}
