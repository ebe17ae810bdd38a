import LibP2PCore
import Multiformats
import NIOCore
import Testing

@testable import LibP2PSwarm

@Suite struct DialMachineTests {
    private let peer: PeerID
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)
    private var machine: DialMachine

    init() throws {
        self.peer = try PeerID(bytes: [0x12, 0x20] + [UInt8](repeating: 7, count: 32))
        self.machine = DialMachine(
            peer: self.peer,
            concurrentAttempts: 8,
            resolutionTimeout: .seconds(15),
            now: self.start
        )
    }

    private static func dialable(_ ports: ClosedRange<UInt16>) -> [DialCandidate] {
        ports.map { .dialable(.example($0), timeout: .seconds(15)) }
    }

    private func dialled(_ actions: [DialMachine.Action]) -> [Multiaddr] {
        actions.compactMap { if case .dial(let address, _) = $0 { address } else { nil } }
    }

    @Test func withoutAddressesItFails() {
        var machine = self.machine

        #expect(machine.poll(now: self.start) == [.fail(.noAddresses(self.peer))])
        #expect(machine.poll(now: self.start) == [])
    }

    @Test func withRefusedAddressesOnlyItSaysSo() {
        var machine = self.machine
        machine.add([.refused(.example(1), reason: "dial to self attempted")])

        let failure = DialFailure(address: .example(1), reason: "dial to self attempted")
        #expect(machine.poll(now: self.start) == [.fail(.noGoodAddresses(self.peer, [failure]))])
    }

    @Test func addressesAreDialledOnce() {
        var machine = self.machine
        machine.add(Self.dialable(1...1))
        #expect(self.dialled(machine.poll(now: self.start)) == [.example(1)])

        machine.add(Self.dialable(1...1))

        #expect(machine.poll(now: self.start) == [])
    }

    @Test func theNextAddressWaitsForItsTime() {
        var machine = self.machine
        machine.add(Self.dialable(1...2))
        #expect(self.dialled(machine.poll(now: self.start)) == [.example(1)])

        #expect(machine.nextDeadline == self.start + .milliseconds(250))
        #expect(self.dialled(machine.poll(now: self.start + .milliseconds(249))) == [])
        #expect(self.dialled(machine.poll(now: self.start + .milliseconds(250))) == [.example(2)])
    }

    @Test func theNextAddressGoesAtOnceWhenNothingRuns() {
        var machine = self.machine
        machine.add(Self.dialable(1...2))
        _ = machine.poll(now: self.start)

        machine.receiveFailure(.example(1), reason: "connection refused")

        #expect(self.dialled(machine.poll(now: self.start)) == [.example(2)])
    }

    @Test(arguments: [7, 8, 9])
    func eightAttemptsRunAtATime(_ count: UInt16) {
        var machine = self.machine
        machine.add(Self.dialable(1...count))

        let dialled =
            self.dialled(machine.poll(now: self.start)) + self.dialled(machine.poll(now: self.start + .seconds(1)))

        #expect(dialled.count == min(8, Int(count)))
    }

    @Test func anAttemptThatNeverEndsIsGivenUp() {
        var machine = self.machine
        machine.add(Self.dialable(1...1))
        _ = machine.poll(now: self.start)
        let isWanted = machine.attemptStarted(.example(1), now: self.start)

        #expect(isWanted)
        #expect(machine.nextDeadline == self.start + .seconds(16))
        let failure = DialFailure(address: .example(1), reason: "context deadline exceeded")
        #expect(machine.poll(now: self.start + .seconds(16)) == [.fail(.allDialsFailed(self.peer, [failure]))])
    }

    @Test func timeRunsOnlyFromTheStartOfAnAttempt() {
        var machine = self.machine
        machine.add(Self.dialable(1...1))
        _ = machine.poll(now: self.start)

        #expect(machine.poll(now: self.start + .hours(1)) == [])
    }

    @Test func failuresAreListedInTheirOrder() {
        var machine = self.machine
        machine.add(Self.dialable(1...2) + [.backedOff(.example(3))])
        _ = machine.poll(now: self.start + .seconds(1))
        machine.receiveFailure(.example(2), reason: "two")
        machine.receiveFailure(.example(1), reason: "one")

        let failures = [(UInt16(3), "dial backoff"), (2, "two"), (1, "one")]
            .map { DialFailure(address: .example($0.0), reason: $0.1) }
        #expect(machine.poll(now: self.start + .seconds(1)) == [.fail(.allDialsFailed(self.peer, failures))])
    }

    @Test func addressesThatComeLaterJoin() {
        var machine = self.machine
        machine.add(Self.dialable(1...1))
        _ = machine.poll(now: self.start)

        machine.add(Self.dialable(2...2))

        #expect(self.dialled(machine.poll(now: self.start + .seconds(1))) == [.example(2)])
    }

    @Test func whoInsistsOnABackedOffAddressGetsItDialled() {
        var machine = self.machine
        machine.add([.backedOff(.example(1))] + Self.dialable(2...2))
        _ = machine.poll(now: self.start)

        machine.add(Self.dialable(1...1))

        #expect(self.dialled(machine.poll(now: self.start + .seconds(1))) == [.example(1)])
    }

    @Test func theFirstConnectionWinsAndOthersAreClosed() {
        var machine = self.machine
        machine.add(Self.dialable(1...2))
        _ = machine.poll(now: self.start)
        _ = machine.poll(now: self.start + .seconds(1))

        #expect(machine.receiveConnected(.example(1)) == .adopt)
        machine.finish()
        #expect(machine.receiveConnected(.example(2)) == .close)
    }

    @Test func dialingGoesOnWhenAConnectionCannotBeAdopted() {
        var machine = self.machine
        machine.add(Self.dialable(1...2))
        _ = machine.poll(now: self.start)
        #expect(machine.receiveConnected(.example(1)) == .adopt)

        machine.receiveFailure(.example(1), reason: "gated")

        #expect(self.dialled(machine.poll(now: self.start)) == [.example(2)])
    }

    @Test func afterThePeerConnectedOneOwnConnectionStillCounts() {
        var machine = self.machine
        machine.add(Self.dialable(1...3))
        _ = machine.poll(now: self.start + .seconds(1))

        machine.supersede()

        #expect(machine.poll(now: self.start + .seconds(2)) == [])
        #expect(machine.receiveConnected(.example(1)) == .adopt)
        #expect(machine.receiveConnected(.example(2)) == .close)
    }

    @Test func namesAreResolvedBeforeTheDialFails() {
        var machine = self.machine
        let name = address("/dns4/example.org/tcp/1")
        machine.add([.name(name)])

        #expect(machine.poll(now: self.start) == [.resolve(name)])
        #expect(machine.poll(now: self.start) == [])
        machine.receiveResolved(name, Self.dialable(1...1))
        #expect(self.dialled(machine.poll(now: self.start)) == [.example(1)])
    }

    @Test func aNameThatNeverAnswersIsGivenUp() {
        var machine = self.machine
        machine.add([.name(address("/dns4/example.org/tcp/1"))])
        _ = machine.poll(now: self.start)

        let actions = machine.poll(now: self.start + .seconds(15))

        #expect(actions.count == 1)
        guard case .fail(.noGoodAddresses)? = actions.first else {
            Issue.record("\(actions)")
            return
        }
    }

    @Test func moreAddressesThanTheLimitAreLeftOut() {
        var machine = self.machine
        machine.add(Self.dialable(1...200))
        var dialled = 0

        for _ in 0..<100 {
            let addresses = self.dialled(machine.poll(now: self.start + .seconds(1)))
            dialled += addresses.count
            for address in addresses { machine.receiveFailure(address, reason: "no") }
        }

        #expect(dialled == DialMachine.maximumAddresses)
    }
}
