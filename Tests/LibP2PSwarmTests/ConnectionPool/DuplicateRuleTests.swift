import LibP2PCore
import NIOCore
import Testing

@testable import LibP2PSwarm

@Suite struct DuplicateRuleTests {
    private func verdict(
        old: Direction,
        new: Direction,
        after: TimeAmount = .seconds(1),
        localIsSmaller: Bool = true
    ) -> DuplicateRule.Verdict {
        DuplicateRule.verdict(
            old: .init(direction: old, openedAt: .uptimeNanoseconds(0), isRelayed: false),
            new: .init(direction: new, openedAt: .uptimeNanoseconds(0) + after, isRelayed: false),
            localIsSmaller: localIsSmaller,
            window: .seconds(20)
        )
    }

    @Test func theSmallerPeersDialStays() {
        #expect(self.verdict(old: .inbound, new: .outbound, localIsSmaller: true) == .supplantOld)
        #expect(self.verdict(old: .outbound, new: .inbound, localIsSmaller: true) == .supplantNew)
        #expect(self.verdict(old: .inbound, new: .outbound, localIsSmaller: false) == .supplantNew)
        #expect(self.verdict(old: .outbound, new: .inbound, localIsSmaller: false) == .supplantOld)
    }

    @Test(arguments: [Direction.inbound, .outbound], [Direction.inbound, .outbound])
    func longAfterItsDialAnOldConnectionIsLost(_ old: Direction, _ new: Direction) {
        #expect(self.verdict(old: old, new: new, after: .seconds(20)) == .supplantOld)
    }

    @Test func twoDialsOfOneSideAreLeftToIt() {
        #expect(self.verdict(old: .inbound, new: .inbound) == .keepBoth)
    }

    @Test(arguments: [true, false])
    func directReplacesRelayed(_ isOldRelayed: Bool) {
        let verdict = DuplicateRule.verdict(
            old: .init(direction: .inbound, openedAt: .uptimeNanoseconds(0), isRelayed: isOldRelayed),
            new: .init(direction: .inbound, openedAt: .uptimeNanoseconds(1), isRelayed: !isOldRelayed),
            localIsSmaller: true,
            window: .seconds(20)
        )

        #expect(verdict == (isOldRelayed ? .supplantOld : .supplantNew))
    }
}
