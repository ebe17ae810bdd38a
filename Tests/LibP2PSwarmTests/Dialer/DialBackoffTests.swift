import Multiformats
import NIOCore
import Testing

@testable import LibP2PSwarm

@Suite struct DialBackoffTests {
    private let peer: PeerID
    private let target = Multiaddr.example(1)
    private let start = NIODeadline.uptimeNanoseconds(0)

    init() throws {
        self.peer = try PeerID(bytes: [0x12, 0x20] + [UInt8](repeating: 7, count: 32))
    }

    @Test(arguments: [(1, 5), (2, 6), (3, 9), (4, 14), (30, 300)])
    func thePauseGrowsWithTheSquareOfTheFailures(_ failures: Int, _ seconds: Int64) {
        var backoff = DialBackoff()
        var now = self.start
        for failure in 1...failures {
            backoff.recordFailure(of: self.target, peer: self.peer, now: now)
            if failure < failures {
                while backoff.isBackedOff(self.target, peer: self.peer, now: now) { now = now + .seconds(1) }
            }
        }

        #expect(backoff.isBackedOff(self.target, peer: self.peer, now: now + .seconds(seconds) - .nanoseconds(1)))
        #expect(!backoff.isBackedOff(self.target, peer: self.peer, now: now + .seconds(seconds)))
    }

    @Test func successForgetsFailures() {
        var backoff = DialBackoff()
        backoff.recordFailure(of: self.target, peer: self.peer, now: self.start)

        backoff.clear(self.target, peer: self.peer)

        #expect(!backoff.isBackedOff(self.target, peer: self.peer, now: self.start))
    }

    @Test func otherAddressesAreNotHeldBack() {
        var backoff = DialBackoff()

        backoff.recordFailure(of: self.target, peer: self.peer, now: self.start)

        #expect(!backoff.isBackedOff(.example(2), peer: self.peer, now: self.start))
    }
}
