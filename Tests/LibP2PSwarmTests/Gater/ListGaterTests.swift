import LibP2PCore
import Multiformats
import Testing

@testable import LibP2PSwarm

@Suite struct ListGaterTests {
    private let gater = ListGater()

    @Test func emptyListsStopNobody() {
        #expect(self.gater.mayAccept(from: address("/ip4/192.0.2.7/tcp/1")))
        #expect(self.gater.mayAccept(from: address("/dns4/example.org/tcp/1")))
    }

    @Test(arguments: [
        ("192.0.2.0/24", "/ip4/192.0.2.255/tcp/1", true), ("192.0.2.0/24", "/ip4/192.0.3.0/tcp/1", false),
        ("192.0.2.0/24", "/ip6/::ffff:192.0.2.1/tcp/1", true), ("2001:db8::/33", "/ip6/2001:db8:7fff::/tcp/1", true),
        ("2001:db8::/33", "/ip6/2001:db8:8000::/tcp/1", false), ("0.0.0.0/0", "/ip4/8.8.8.8/tcp/1", true),
        ("2001:db8::1", "/ip6/2001:db8::1/tcp/1", true), ("2001:db8::1", "/ip6/2001:db8::2/tcp/1", false),
        ("2001:db8::/96", "/ip6/2001:db8::ffff:ffff/tcp/1", true),
    ])
    func deniedNetworksAreStopped(_ network: String, _ text: String, _ isStopped: Bool) throws {
        let block = try #require(AddressBlock(network))

        self.gater.update { $0.deniedNetworks = [block] }

        #expect(self.gater.mayAccept(from: address(text)) == !isStopped)
    }

    @Test func whereNetworksAreAllowedOthersAreStopped() throws {
        let block = try #require(AddressBlock("10.0.0.0/8"))

        self.gater.update { $0.allowedNetworks = [block] }

        #expect(self.gater.mayAccept(from: address("/ip4/10.1.2.3/tcp/1")))
        #expect(!self.gater.mayAccept(from: address("/ip4/11.1.2.3/tcp/1")))
        #expect(!self.gater.mayAccept(from: address("/dns4/example.org/tcp/1")))
    }

    @Test(arguments: ["", "/", "1.2.3.4/33", "1.2.3.4/-1", "1.2.3.4/+1", "1.2.3.4/8/8", "::/129", "x/8", "1.2.3.4/08"])
    func whatIsNoBlockIsNotRead(_ text: String) {
        #expect(AddressBlock(text) == nil)
    }

    @Test func aBlockIsPrintedWithItsPrefixOnly() throws {
        #expect(try #require(AddressBlock("192.0.2.77/24")).description == "192.0.2.0/24")
    }
}
