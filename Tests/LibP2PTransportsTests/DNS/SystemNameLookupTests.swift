import Dispatch
import Multiformats
import NIOCore
import NIOPosix
import Testing

@testable import LibP2PTransports

/// Without asking any server: literals and the hosts file are answered here.
@Suite(.timeLimit(.minutes(1))) struct SystemNameLookupTests {
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    @Test(arguments: [
        ("127.0.0.1", AddressFamily.any, "127.0.0.1"), ("127.0.0.1", .ip4, "127.0.0.1"),
        ("2001:db8::1", .ip6, "2001:db8::1"),
    ])
    func literalsAreTheirOwnAddress(_ name: String, _ family: AddressFamily, _ expected: String) async throws {
        let addresses = try await SystemNameLookup().addresses(of: name, family: family, on: self.loop).get()

        #expect(addresses.map(\.description) == [expected])
    }

    @Test func aLiteralOfTheOtherFamilyHasNoAddress() async throws {
        await #expect(throws: NameLookupError.self) {
            try await SystemNameLookup().addresses(of: "127.0.0.1", family: .ip6, on: self.loop).get()
        }
    }

    @Test func lookupsBeyondTheLimitAreRefusedAndPlacesComeBack() async throws {
        let lookup = SystemNameLookup(maximumThreads: 1, maximumPending: 2)
        let gate = DispatchSemaphore(value: 0)
        let blocked = (0..<2).map { number in
            lookup.run(on: self.loop) {
                gate.wait()
                return .success(number)
            }
        }

        await #expect(throws: NameLookupError.overloaded) {
            try await lookup.run(on: self.loop) { .success(0) }.get()
        }
        gate.signal()
        gate.signal()
        for (number, future) in blocked.enumerated() {
            #expect(try await future.get() == number)
        }

        // All places are free again and new threads are there.
        #expect(try await lookup.addresses(of: "127.0.0.1", family: .any, on: self.loop).get().count == 1)
    }
}
