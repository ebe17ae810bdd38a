import Multiformats
import NIOCore
import Testing

@testable import LibP2PProtocols

@Suite final class PushLimiterTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private var limiter = PushLimiter()

    private func allows(_ address: Multiaddr, at now: NIODeadline) -> Bool {
        self.limiter.allow(address, now: now)
    }

    @Test func aNetworkMayPushTenTimesAtOnceAndThenEveryFiveSeconds() throws {
        for number in 0..<10 {
            #expect(try self.allows(Multiaddr("/ip4/8.8.8.\(number)/tcp/1"), at: self.start) == true)
        }
        #expect(try self.allows(Multiaddr("/ip4/8.8.8.99/tcp/1"), at: self.start) == false)
        #expect(try self.allows(Multiaddr("/ip4/8.8.9.1/tcp/1"), at: self.start) == true)

        #expect(try self.allows(Multiaddr("/ip4/8.8.8.99/tcp/1"), at: self.start + .milliseconds(4900)) == false)
        #expect(try self.allows(Multiaddr("/ip4/8.8.8.99/tcp/1"), at: self.start + .milliseconds(5100)) == true)
    }

    @Test func a48OfIPv6MayPushTwentyTimesAtOnce() throws {
        let allowed = try (0..<40).filter { number in
            let subnet = String(number * 256, radix: 16)
            return self.limiter.allow(try Multiaddr("/ip6/2600:1:2:\(subnet)::1/tcp/1"), now: self.start)
        }

        #expect(allowed.count == 20)
    }

    @Test func loopbackIsFree() throws {
        for _ in 0..<10_000 {
            #expect(try self.allows(Multiaddr("/ip4/127.0.0.1/tcp/1"), at: self.start) == true)
        }
    }

    @Test func allNetworksTogetherAreBounded() throws {
        let allowed = try (0..<5000).filter { number in
            let address = try Multiaddr("/ip4/8.\(number >> 8).\(number & 0xff).1/tcp/1")
            return self.limiter.allow(address, now: self.start)
        }

        #expect(allowed.count == 3000)
    }

    @Test func aTableFullOfNetworksIsUsableAgainWhenTheirBucketsAreFull() throws {
        for number in 0..<9000 {
            let address = try Multiaddr("/ip4/\(8 + (number >> 16)).\((number >> 8) & 0xff).\(number & 0xff).1/tcp/1")
            _ = self.limiter.allow(address, now: self.start)
        }
        let other = try Multiaddr("/ip4/99.0.0.1/tcp/1")

        #expect(try self.allows(other, at: self.start + .seconds(2)) == false)
        #expect(try self.allows(other, at: self.start + .seconds(60)) == true)
    }
}
