import Multiformats
import Testing

@Suite struct MultiaddrAddressTests {
    private static let peer = "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV"

    @Test func theEndPointOfATCPAddressIsRead() throws {
        let ip4 = try #require(try Multiaddr("/ip4/192.0.2.7/tcp/4001/ws").tcpEndpoint)
        let ip6 = try #require(try Multiaddr("/ip6zone/eth0/ip6/fe80::1/tcp/80").tcpEndpoint)

        #expect((ip4.host, ip4.port) == ("192.0.2.7", 4001))
        #expect((ip6.host, ip6.zone, ip6.port) == ("fe80::1%eth0", "eth0", 80))
    }

    @Test(arguments: [
        "/ip4/192.0.2.7", "/ip4/192.0.2.7/udp/1", "/dns4/example.com/tcp/1", "/tcp/1/ip4/192.0.2.7", "/ip6zone/x",
        "/ip6zone/x/ip4/192.0.2.7/tcp/1", "/unix/a",
    ])
    func otherAddressesHaveNoTCPEndPoint(_ text: String) throws {
        #expect(try Multiaddr(text).tcpEndpoint == nil)
    }

    @Test func addressesAreMadeOfWhatSocketsKnow() throws {
        let ip6 = try #require(IPAddress("fe80::1"))

        #expect(Multiaddr(ipBytes: [192, 0, 2, 7], tcpPort: 80)?.description == "/ip4/192.0.2.7/tcp/80")
        #expect(Multiaddr(ip: ip6, tcpPort: 80).description == "/ip6/fe80::1/tcp/80")
        #expect(Multiaddr(ip: ip6, zone: "lo", tcpPort: 80).description == "/ip6zone/lo/ip6/fe80::1/tcp/80")
        #expect(Multiaddr(ip: ip6, zone: "a/b", tcpPort: 80).description == "/ip6/fe80::1/tcp/80")
        #expect(Multiaddr(ipBytes: [1, 2, 3], tcpPort: 80) == nil)
        #expect(try Multiaddr(unixPath: "/run/x.sock").description == "/unix/run/x.sock")
        #expect(throws: MultiaddrError.self) { try Multiaddr(unixPath: "") }
    }

    @Test func thePeerIsTheLastPart() throws {
        let address = try Multiaddr("/ip4/192.0.2.7/tcp/1")
        let peer = try PeerID(Self.peer)

        let full = address.appending(.p2p(peer))

        #expect(full.description == "/ip4/192.0.2.7/tcp/1/p2p/\(Self.peer)")
        #expect(full.peerID == peer)
        #expect(full.withoutPeerID == address)
        #expect(full.withPeerID(peer) == full)
        #expect(address.withPeerID(peer) == full)
        #expect(address.peerID == nil)
        #expect(address.withoutPeerID == address)
        let relayed = full.appending(.p2pCircuit)
        #expect(relayed.peerID == nil)
        #expect(relayed.isRelayed && !full.isRelayed)
        #expect(Multiaddr(components: [.p2p(peer)]).withoutPeerID.bytes.isEmpty)
    }

    @Test func nothingFollowsAPath() throws {
        let path = try Multiaddr("/unix/run/x.sock")

        #expect(path.appending(.tcp(1)) == path)
        #expect(path.appending(try Multiaddr("/tcp/1")) == path)
    }

    @Test func partsRefuseValuesThatAreNotTheirs() {
        #expect(throws: MultiaddrError.valueSize(3)) { try Multiaddr.Component(.ip4, value: [1, 2, 3]) }
        #expect(throws: MultiaddrError.valueSize(1)) { try Multiaddr.Component(.ws, value: [1]) }
        #expect(throws: MultiaddrError.valueSize(0)) { try Multiaddr.Component(.dns, value: []) }
        #expect(throws: MultiaddrError.self) { try Multiaddr.Component(.p2p, value: [1]) }
        #expect(throws: MultiaddrError.self) { try Multiaddr.Component(.tcp, text: "x") }
    }

    /// The ranges of go-multiaddr's `net/private.go`.
    @Test(
        arguments: [
            ("/ip4/127.0.0.1/tcp/1", "loopback private"), ("/ip4/127.9.9.9", "loopback private"),
            ("/ip6/::1", "loopback private"), ("/ip6/::ffff:127.0.0.1", "loopback private"),
            ("/ip4/0.0.0.0", "unspecified"),
            ("/ip6/::", "unspecified"), ("/ip4/10.1.2.3", "private"), ("/ip4/172.16.0.1", "private"),
            ("/ip4/172.31.255.255", "private"), ("/ip4/172.32.0.0", "public"), ("/ip4/192.168.1.1", "private"),
            ("/ip4/100.64.0.1", "private"), ("/ip4/100.128.0.1", "public"), ("/ip4/169.254.1.1", "linkLocal private"),
            ("/ip6/fe80::1", "linkLocal private"), ("/ip6zone/eth0/ip6/fe80::1", "linkLocal private"),
            ("/ip6/febf::1", "linkLocal private"), ("/ip6/fec0::1", ""), ("/ip6/fd00::1", "private"),
            ("/ip4/8.8.8.8", "public"),
            ("/ip6/2606:4700::1111", "public"), ("/ip6/2001:db8::1", ""), ("/ip6/ff02::1", "linkLocal"),
            ("/ip4/192.0.2.1", ""),
            ("/ip4/198.18.0.1", ""), ("/ip4/224.0.0.1", "linkLocal"), ("/ip4/239.0.0.1", ""),
            ("/ip4/255.255.255.255", ""),
            ("/ip6/64:ff9b::808:808", "public"), ("/ip6/::ffff:10.0.0.1", "private"), ("/ip6/::ffff:8.8.8.8", "public"),
            ("/dns4/example.com", "public"), ("/dns/localhost", "private"), ("/dns/x.LOCALHOST.", "private"),
            ("/dns/a.local", ""),
            ("/dnsaddr/a.test", ""), ("/dns/xlocalhost", "public"), ("/unix/a", ""), ("/tcp/1", ""),
        ] as [(String, String)]
    )
    func addressesAreClassified(_ text: String, _ expected: String) throws {
        let address = try Multiaddr(text)

        let claims = [
            (address.isLinkLocal, "linkLocal"), (address.isLoopback, "loopback"), (address.isPrivate, "private"),
            (address.isPublic, "public"), (address.isUnspecified, "unspecified"),
        ]
        #expect(claims.filter(\.0).map(\.1).joined(separator: " ") == expected)
    }
}
