import Testing

@testable import P2PDaemon

struct BridgeMachineTests {
    @Test func theProgramsEndClosesTheStreamsWriteDirectionOnce() {
        var machine = BridgeMachine()

        #expect(machine.receiveLocalEnd() == .closeStreamWrite)
        #expect(machine.receiveLocalEnd() == [])
        #expect(machine.receiveLocalGone() == .linger)
        #expect(!machine.forwardsInput)
    }

    @Test func thePeersEndIsShownWhenTheProgramHasAllBytes() {
        var machine = BridgeMachine()

        #expect(machine.receiveRemoteEnd() == .drainOutput)
        #expect(machine.forwardsInput)
        #expect(!machine.forwardsOutput)
        #expect(machine.outputDrained() == .shutDownOutput)
        #expect(machine.receiveLocalEnd() == [.closeStreamWrite, .closeLocal])
    }

    @Test func bothEndsCloseTheSocketAfterTheLastByte() {
        var machine = BridgeMachine()

        #expect(machine.receiveLocalEnd() == .closeStreamWrite)
        #expect(machine.receiveRemoteEnd() == .drainOutput)
        #expect(machine.receiveStreamEnd() == [])
        #expect(machine.outputDrained() == .closeLocal)
        #expect(machine.receiveLocalGone() == [])
        #expect(machine.isDone)
    }

    @Test func aDeadStreamIsAnOrderlyEndAndTheInputIsDropped() {
        var machine = BridgeMachine()

        #expect(machine.receiveStreamEnd() == .drainOutput)
        #expect(!machine.forwardsInput)
        #expect(machine.outputDrained() == [.shutDownOutput, .discardInput])
        #expect(machine.discardingEnded() == .hangUpLocal)
        #expect(machine.receiveLocalGone() == [])
        #expect(machine.isDone)
    }

    @Test func aStreamThatDiesAfterThePeersEndDropsTheInputToo() {
        var machine = BridgeMachine()

        _ = machine.receiveRemoteEnd()
        _ = machine.outputDrained()

        #expect(machine.receiveStreamEnd() == .discardInput)
        #expect(machine.receiveLocalEnd() == .closeLocal)
    }

    @Test func aLocalFailureResetsAStreamThatIsOpenOnly() {
        var open = BridgeMachine()
        #expect(open.receiveLocalFailure() == [.resetStream, .closeLocal])

        var ended = BridgeMachine()
        _ = ended.receiveStreamEnd()
        #expect(ended.receiveLocalFailure() == .closeLocal)
    }

    @Test func aProgramThatIsGoneEndsItsDirectionAndTheStreamLingers() {
        var machine = BridgeMachine()

        #expect(machine.receiveLocalGone() == [.closeStreamWrite, .linger])
        #expect(!machine.forwardsOutput)
        #expect(machine.receiveRemoteEnd() == [])
        #expect(machine.lingeringEnded() == .resetStream)
        #expect(machine.receiveStreamEnd() == [])
        #expect(machine.lingeringEnded() == [])
    }
}
