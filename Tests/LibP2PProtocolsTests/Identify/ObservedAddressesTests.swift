import LibP2PCore
import Multiformats
import Testing

@testable import LibP2PProtocols

@Suite final class ObservedAddressesTests {
    private var observed = ObservedAddresses()
    private let listen: [Multiaddr]

    init() throws {
        self.listen = [try Multiaddr("/ip4/0.0.0.0/tcp/4001"), try Multiaddr("/ip6/::/tcp/4001")]
    }

    private func report(
        _ external: String,
        connection: UInt64,
        from remote: String,
        local: String = "/ip4/192.168.0.5/tcp/4001"
    ) throws -> ObservedAddresses.OnReport {
        self.observed.receive(
            try Multiaddr(external),
            on: ConnectionID(rawValue: connection),
            localAddress: try Multiaddr(local),
            remoteAddress: try Multiaddr(remote),
            listenAddresses: self.listen
        )
    }

    @Test func theFourthObserverActivatesAnAddress() throws {
        for number in 1...3 {
            let result = try self.report(
                "/ip4/5.5.5.5/tcp/4001",
                connection: UInt64(number),
                from: "/ip4/8.8.\(number).8/tcp/1"
            )
            #expect(result == .nothing)
        }
        #expect(self.observed.active.isEmpty)

        let fourth = try self.report("/ip4/5.5.5.5/tcp/4001", connection: 4, from: "/ip4/8.8.4.8/tcp/1")

        #expect(fourth == .announce)
        #expect(self.observed.active == [try Multiaddr("/ip4/5.5.5.5/tcp/4001")])
    }

    @Test func oneObserverCountsOnceHoweverManyConnectionsItHas() throws {
        for number in 1...20 {
            _ = try self.report("/ip4/5.5.5.5/tcp/4001", connection: UInt64(number), from: "/ip4/8.8.8.8/tcp/\(number)")
        }
        for number in 21...40 {
            _ = try self.report(
                "/ip4/5.5.5.5/tcp/4001",
                connection: UInt64(number),
                from: "/ip6/2600:1:2:3f\(number)::1/tcp/1"
            )
        }

        #expect(self.observed.active.isEmpty)
    }

    @Test func anAddressGoesWithItsObservers() throws {
        for number in 1...4 {
            _ = try self.report("/ip4/5.5.5.5/tcp/4001", connection: UInt64(number), from: "/ip4/8.8.\(number).8/tcp/1")
        }

        #expect(self.observed.connectionClosed(ConnectionID(rawValue: 9)) == .nothing)
        #expect(self.observed.connectionClosed(ConnectionID(rawValue: 2)) == .announce)
        #expect(self.observed.active.isEmpty)
    }

    @Test func aConnectionThatChangesItsMindCountsForTheNewAddressOnly() throws {
        for number in 1...4 {
            _ = try self.report("/ip4/5.5.5.5/tcp/4001", connection: UInt64(number), from: "/ip4/8.8.\(number).8/tcp/1")
        }

        #expect(try self.report("/ip4/6.6.6.6/tcp/4001", connection: 1, from: "/ip4/8.8.1.8/tcp/1") == .announce)
        #expect(self.observed.active.isEmpty)
    }

    @Test(arguments: [
        ("/ip4/5.5.5.5/tcp/4001", "/ip4/192.168.0.5/tcp/50000", "/ip4/8.8.8.8/tcp/1"),
        ("/ip4/127.0.0.1/tcp/4001", "/ip4/192.168.0.5/tcp/4001", "/ip4/8.8.8.8/tcp/1"),
        ("/ip4/10.0.0.1/tcp/4001", "/ip4/192.168.0.5/tcp/4001", "/ip4/8.8.8.8/tcp/1"),
        ("/ip4/5.5.5.5/udp/4001/quic-v1", "/ip4/192.168.0.5/tcp/4001", "/ip4/8.8.8.8/tcp/1"),
        ("/ip6/2600::1/tcp/4001", "/ip4/192.168.0.5/tcp/4001", "/ip4/8.8.8.8/tcp/1"),
        ("/ip4/5.5.5.5/tcp/4001", "/ip4/192.168.0.5/tcp/4001", "/ip4/127.0.0.1/tcp/1"),
    ])
    func whatCannotBeOursToDialIsNotCounted(external: String, local: String, remoteBase: String) throws {
        for number in 1...5 {
            let remote = remoteBase.replacing("8.8.8.8", with: "8.8.\(number).8")
            #expect(try self.report(external, connection: UInt64(number), from: remote, local: local) == .nothing)
        }
        #expect(self.observed.active.isEmpty)
    }

    @Test func atMostThreeAddressesPerPortCount() throws {
        for external in 1...5 {
            for number in 1...4 {
                _ = try self.report(
                    "/ip4/5.5.5.\(external)/tcp/4001",
                    connection: UInt64(external * 10 + number),
                    from: "/ip4/8.8.\(number).8/tcp/1"
                )
            }
        }

        #expect(self.observed.active.count == 3)
    }
}
