import Multiformats
import NIOCore
import Testing

@testable import LibP2PSwarm

@Suite struct DialRankerTests {
    private func ranked(_ addresses: [String]) -> [String] {
        DialRanker.rank(addresses.map { address($0) }).map { "\($0.delay.nanoseconds / 1_000_000) \($0.address)" }
    }

    @Test func oneAddressGoesAtOnce() {
        #expect(self.ranked(["/ip4/8.8.8.8/tcp/1"]) == ["0 /ip4/8.8.8.8/tcp/1"])
    }

    @Test func version6GoesFirstAndOneVersion4ShortlyAfter() {
        let addresses = [
            "/ip4/8.8.8.8/tcp/2", "/ip4/8.8.8.8/tcp/1", "/ip6/2606:4700::1/tcp/9", "/ip6/2606:4700::1/tcp/8",
        ]

        #expect(
            self.ranked(addresses) == [
                "0 /ip6/2606:4700::1/tcp/8", "250 /ip4/8.8.8.8/tcp/1", "500 /ip6/2606:4700::1/tcp/9",
                "500 /ip4/8.8.8.8/tcp/2",
            ]
        )
    }

    @Test func privateAddressesFollowEachOtherFaster() {
        let addresses = ["/ip4/192.168.0.1/tcp/1", "/ip6/fd00::1/tcp/1", "/ip4/10.0.0.1/tcp/1"]

        #expect(
            self.ranked(addresses) == [
                "0 /ip6/fd00::1/tcp/1", "30 /ip4/192.168.0.1/tcp/1", "60 /ip4/10.0.0.1/tcp/1",
            ]
        )
    }

    @Test func privateAndPublicAddressesDoNotWaitForEachOther() {
        #expect(
            self.ranked(["/ip4/8.8.8.8/tcp/1", "/ip4/192.168.0.1/tcp/1"]) == [
                "0 /ip4/192.168.0.1/tcp/1", "0 /ip4/8.8.8.8/tcp/1",
            ]
        )
    }

    @Test func quicGoesBeforeTCP() {
        let addresses = ["/ip4/8.8.8.8/tcp/1", "/ip4/8.8.8.8/udp/1/quic-v1"]

        #expect(self.ranked(addresses) == ["0 /ip4/8.8.8.8/udp/1/quic-v1", "250 /ip4/8.8.8.8/tcp/1"])
    }

    @Test func relaysWaitForPublicDirectAddresses() throws {
        let relay = "/ip4/9.9.9.9/tcp/1/p2p/12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA/p2p-circuit"

        #expect(self.ranked([relay, "/ip4/8.8.8.8/tcp/1"]) == ["0 /ip4/8.8.8.8/tcp/1", "500 \(relay)"])
        #expect(self.ranked([relay]) == ["0 \(relay)"])
    }
}
