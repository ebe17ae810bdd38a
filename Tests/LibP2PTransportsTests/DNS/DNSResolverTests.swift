import LibP2PCore
import LibP2PTransports
import Multiformats
import NIOCore
import NIOEmbedded
import Testing

@Suite struct DNSResolverTests {
    private static let peer = "12D3KooWCryG7Mon9orvQxcS1rYZjotPgpwoJNHHKcLLfE4Hf5mV"
    private static let otherPeer = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"
    private let loop = EmbeddedEventLoop()

    @Test(arguments: ["/ip4/192.0.2.1/tcp/80", "/ip4/192.0.2.1/tcp/80/dns/x", "/unix/a"])
    func anAddressWithoutANameIsItself(_ text: String) throws {
        let lookup = TestNameLookup()

        #expect(try self.resolve(text, lookup) == [text])
        #expect(lookup.questions.isEmpty)
    }

    @Test(arguments: [
        ("/dns/a.example/tcp/80/ws", ["/ip4/192.0.2.1/tcp/80/ws", "/ip6/2001:db8::1/tcp/80/ws"]),
        ("/dns4/a.example/tcp/80", ["/ip4/192.0.2.1/tcp/80"]),
        ("/dns6/a.example/udp/1/quic-v1", ["/ip6/2001:db8::1/udp/1/quic-v1"]),
        ("/dns4/a.example", ["/ip4/192.0.2.1"]),
    ])
    func aHostNameGivesItsAddresses(_ text: String, _ expected: [String]) throws {
        let lookup = TestNameLookup(hosts: ["a.example": ["192.0.2.1", "2001:db8::1"]])

        #expect(try self.resolve(text, lookup) == expected)
    }

    @Test func textRecordsLeadToAddressesAndFurtherNames() throws {
        let lookup = TestNameLookup(
            hosts: ["c.example": ["192.0.2.3"]],
            texts: [
                "_dnsaddr.a.example": [
                    "dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/\(Self.peer)", "v=spf1", "dnsaddr=nonsense", "dnsaddr=",
                    "dnsaddr=/dnsaddr/b.example/p2p/\(Self.peer)",
                ],
                "_dnsaddr.b.example": [
                    "dnsaddr=/dns4/c.example/tcp/3/p2p/\(Self.peer)", "dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/\(Self.peer)",
                ],
            ]
        )

        #expect(
            try self.resolve("/dnsaddr/a.example", lookup) == [
                "/ip4/192.0.2.1/tcp/1/p2p/\(Self.peer)", "/ip4/192.0.2.3/tcp/3/p2p/\(Self.peer)",
            ]
        )
    }

    @Test func onlyAddressesOfThePeerThatIsAskedForAreKept() throws {
        let lookup = TestNameLookup(
            texts: [
                "_dnsaddr.a.example": [
                    "dnsaddr=/ip4/192.0.2.1/tcp/1/p2p/\(Self.peer)",
                    "dnsaddr=/ip4/192.0.2.2/tcp/1/p2p/\(Self.otherPeer)",
                    "dnsaddr=/ip4/192.0.2.3/tcp/1",
                ]
            ]
        )

        #expect(
            try self.resolve("/dnsaddr/a.example/p2p/\(Self.otherPeer)", lookup)
                == ["/ip4/192.0.2.2/tcp/1/p2p/\(Self.otherPeer)"]
        )
    }

    @Test func circlesAndLongChainsOfNamesEnd() throws {
        var texts = ["_dnsaddr.circle": ["dnsaddr=/dnsaddr/circle"]]
        for depth in 0..<10 {
            texts["_dnsaddr.d\(depth)"] = ["dnsaddr=/dnsaddr/d\(depth + 1)", "dnsaddr=/ip4/192.0.2.\(depth)/tcp/1"]
        }
        let lookup = TestNameLookup(texts: texts)

        #expect(throws: ResolutionError.self) { try self.resolve("/dnsaddr/circle", lookup) }
        #expect(lookup.questions == ["_dnsaddr.circle"])
        #expect(try self.resolve("/dnsaddr/d0", lookup) == (0..<4).map { "/ip4/192.0.2.\($0)/tcp/1" })
    }

    @Test func addressesAndLookupsAreBounded() throws {
        let addresses = (0..<300).map { "10.0.\($0 / 250).\($0 % 250)" }
        let names = (0..<250).map { "dnsaddr=/dns4/n\($0)/tcp/1" }
        let many = TestNameLookup(hosts: ["many": addresses])
        let wide = TestNameLookup(texts: ["_dnsaddr.wide": names])

        #expect(try self.resolve("/dns/many/tcp/1", many).count == 100)
        #expect(throws: ResolutionError.self) { try self.resolve("/dnsaddr/wide", wide) }
        #expect(wide.questions.count == 64)
    }

    @Test func whatWasFoundInTimeIsTheResult() throws {
        let lookup = TestNameLookup(
            texts: ["_dnsaddr.a": ["dnsaddr=/ip4/192.0.2.1/tcp/1", "dnsaddr=/dns4/slow/tcp/1"]],
            silent: ["slow", "_dnsaddr.silent"]
        )
        let resolver = DNSResolver(lookup: lookup, timeout: .seconds(10))
        let found = resolver.resolve(try Multiaddr("/dnsaddr/a"), on: self.loop)
        let nothing = resolver.resolve(try Multiaddr("/dnsaddr/silent"), on: self.loop)

        self.loop.advanceTime(by: .seconds(10))

        #expect(try found.wait().map(\.description) == ["/ip4/192.0.2.1/tcp/1"])
        #expect(throws: ResolutionError.timedOut) { try nothing.wait() }
    }

    @Test func anUnknownNameHasNoAddresses() throws {
        let address = try Multiaddr("/dns/nope/tcp/1")

        #expect(throws: ResolutionError.noAddresses(address)) {
            try self.resolve("/dns/nope/tcp/1", TestNameLookup())
        }
    }

    @Test(arguments: [
        ".", "a..b", ".a", "a b", "ä.example", "a\u{7}", String(repeating: "a", count: 64),
        String(repeating: "a.", count: 123),
    ])
    func whatIsNoHostNameIsNotLookedUp(_ name: String) throws {
        let lookup = TestNameLookup(hosts: [name: ["192.0.2.1"]])

        #expect(throws: ResolutionError.self) { try self.resolve("/dns/\(name)/tcp/1", lookup) }
        #expect(lookup.questions.isEmpty)
    }

    private func resolve(_ text: String, _ lookup: TestNameLookup) throws -> [String] {
        let resolved = DNSResolver(lookup: lookup).resolve(try Multiaddr(text), on: self.loop)
        self.loop.run()
        return try resolved.wait().map(\.description)
    }
}
