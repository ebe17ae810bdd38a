import LibP2PCore
import Multiformats
import Testing

@Suite struct AddressPolicyTests {
    private static let examples: [(AddressScope, String)] = [
        (.loopback, "/ip4/127.0.0.2/tcp/1"), (.loopback, "/ip6/::1/tcp/1"), (.linkLocal, "/ip4/169.254.169.254/tcp/80"),
        (.private, "/ip4/192.168.1.1/tcp/1"), (.private, "/ip4/100.64.0.1/tcp/1"), (.public, "/ip4/8.8.8.8/tcp/1"),
        (.public, "/ip6/2606:4700::1/tcp/1"), (.unroutable, "/ip4/0.0.0.0/tcp/1"),
        (.unroutable, "/ip4/224.0.0.1/tcp/1"),
        (.loopback, "/ip6/::ffff:127.0.0.1/tcp/1"),
    ]

    @Test func everyAddressHasItsScope() throws {
        for (scope, text) in Self.examples {
            let ip = try #require(try Multiaddr(text).ipAddress)
            #expect(AddressScope(ip) == scope, "\(text)")
        }
    }

    @Test(arguments: [
        ("/ip4/8.8.8.8/tcp/1", [AddressScope.public]),
        ("/ip4/192.168.7.7/tcp/1", [.public, .private]),
        ("/ip4/127.0.0.1/tcp/1", [.public, .private, .linkLocal, .loopback]),
    ])
    func aPeerMayTellOnlyWhatItsOwnScopeReaches(_ observed: String, _ scopes: [AddressScope]) throws {
        for (scope, text) in Self.examples {
            let mayUse = AddressPolicy.mayUse(try Multiaddr(text), learntOver: try Multiaddr(observed))
            #expect(mayUse == scopes.contains(scope), "\(text) over \(observed)")
        }
    }

    @Test func socketsOfThisMachineNeverComeFromTheNetwork() throws {
        #expect(!AddressPolicy.mayUse(try Multiaddr("/unix/run/x"), learntOver: try Multiaddr("/ip4/127.0.0.1/tcp/1")))
    }

    @Test(arguments: [
        (0, "0.0.0.0"), (1, "128.0.0.0"), (31, "255.255.255.254"), (32, "255.255.255.255"), (99, "255.255.255.255"),
    ])
    func masksKeepThePrefix(_ length: Int, _ expected: String) {
        #expect(IPAddress.v4(.max).masked(to: length).description == expected)
    }

    @Test(arguments: [
        (0, "::"), (64, "ffff:ffff:ffff:ffff::"), (65, "ffff:ffff:ffff:ffff:8000::"), (63, "ffff:ffff:ffff:fffe::"),
    ])
    func masksOfVersion6KeepThePrefix(_ length: Int, _ expected: String) {
        #expect(IPAddress.v6(high: .max, low: .max).masked(to: length).description == expected)
    }
}
