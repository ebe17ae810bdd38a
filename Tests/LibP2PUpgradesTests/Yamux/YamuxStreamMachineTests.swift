import LibP2PCore
import NIOCore
import Testing

@testable import LibP2PUpgrades

@Suite struct YamuxStreamMachineTests {
    /// The states a stream can be in, as far as the outside can tell them apart.
    enum State: CaseIterable, Sendable {
        case oursUnsent, oursSent, theirsUnanswered, established, weFinished, weAreFinishing, theyFinished, ended

        func make() -> YamuxStreamMachine {
            let direction: Direction = self == .theirsUnanswered ? .inbound : .outbound
            var machine = YamuxStreamMachine(number: 1, direction: direction, now: .uptimeNanoseconds(0))
            switch self {
            case .oursUnsent, .theirsUnanswered:
                break
            case .oursSent:
                _ = machine.nextControlFrame(queuedBytes: 0)
            case .established:
                Self.establish(&machine)
            case .weAreFinishing:
                Self.establish(&machine)
                _ = machine.closeWrite()
            case .weFinished:
                Self.establish(&machine)
                _ = machine.closeWrite()
                _ = machine.nextControlFrame(queuedBytes: 0)
            case .theyFinished:
                Self.establish(&machine)
                _ = machine.receiveFIN()
            case .ended:
                machine.abort()
            }
            return machine
        }

        private static func establish(_ machine: inout YamuxStreamMachine) {
            _ = machine.nextControlFrame(queuedBytes: 0)
            _ = machine.receiveACK()
        }

        var peerMayTalk: Bool { self != .theyFinished && self != .ended }
    }

    @Test(arguments: State.allCases)
    func dataIsAcceptedAsLongAsThePeerHasNotFinished(state: State) {
        var machine = state.make()
        #expect(machine.receiveData(length: 10) == (state.peerMayTalk ? .accept : .resetStream(.protocolViolation)))
        #expect(machine.hasEnded == !state.peerMayTalk)
    }

    @Test(arguments: State.allCases)
    func dataBeyondTheWindowClosesTheConnection(state: State) {
        var machine = state.make()
        let result = machine.receiveData(length: 262_145)
        let beyond = YamuxViolation.windowExceeded(streamID: 1, length: 262_145, window: 262_144)
        #expect(result == (state.peerMayTalk ? .closeConnection(beyond) : .resetStream(.protocolViolation)))
    }

    @Test(arguments: State.allCases)
    func emptyDataIsNeverAnError(state: State) {
        var machine = state.make()
        #expect(machine.receiveData(length: 0) == .accept)
    }

    @Test(arguments: State.allCases)
    func creditAddsUpToItsMaximumAndNotFurther(state: State) {
        var machine = state.make()
        #expect(machine.receiveWindowUpdate(.max - 262_144) == .resumeSending)
        #expect(machine.send.windowBytes == Int(UInt32.max))
        #expect(machine.receiveWindowUpdate(1) == .resetStream(.protocolViolation))
        #expect(machine.hasEnded)
    }

    @Test(arguments: State.allCases)
    func finFinishesThePeersDirectionOnce(state: State) {
        var machine = state.make()
        let expected: YamuxStreamMachine.OnFIN =
            switch state {
            case .oursUnsent, .oursSent, .theirsUnanswered, .established, .weAreFinishing: .remoteFinished
            case .weFinished: .streamFinished
            case .theyFinished, .ended: .ignored
            }
        #expect(machine.receiveFIN() == expected)
        #expect(machine.receiveFIN() == .ignored)
        #expect(machine.hasEnded == (state == .weFinished || state == .ended))
    }

    @Test(arguments: State.allCases)
    func ackCountsOnceAndForOurStreamsOnly(state: State) {
        var machine = state.make()
        let expected = state == .oursUnsent || state == .oursSent || state == .ended
        #expect(machine.receiveACK() == expected)
        #expect(machine.receiveACK() == false)
    }

    @Test(arguments: State.allCases)
    func resetIsSentIfThePeerKnowsTheStream(state: State) {
        var machine = state.make()
        let expected: YamuxStreamMachine.OnReset =
            switch state {
            case .oursUnsent: .forget
            case .ended: .ignored
            case .oursSent, .theirsUnanswered, .established, .weFinished, .weAreFinishing, .theyFinished: .sendRST
            }
        #expect(machine.reset() == expected)
        #expect(machine.hasEnded)
        #expect(machine.reset() == .ignored)
    }

    @Test(arguments: State.allCases)
    func closeWriteSendsOneFINAfterWhatIsQueued(state: State) {
        var machine = state.make()
        let isNew = state != .weFinished && state != .weAreFinishing && state != .ended
        #expect(machine.closeWrite() == isNew)
        #expect(machine.closeWrite() == false)
        let waiting = machine.nextControlFrame(queuedBytes: 5)
        #expect(waiting?.flags.contains(.fin) != true)
        let frame = machine.nextControlFrame(queuedBytes: 0)
        #expect((frame?.flags.contains(.fin) == true) == (isNew || state == .weAreFinishing))
        #expect(machine.nextControlFrame(queuedBytes: 0) == nil)
        #expect(machine.hasEnded == (state == .theyFinished || state == .ended))
    }

    @Test(arguments: State.allCases)
    func theFirstFrameCarriesTheOpeningFlagAndNoOtherDoes(state: State) {
        var machine = state.make()
        let expected: YamuxFlags =
            switch state {
            case .oursUnsent: .syn
            case .theirsUnanswered: .ack
            case .oursSent, .established, .weFinished, .weAreFinishing, .theyFinished, .ended: []
            }
        let canSend = state != .weFinished && state != .ended
        let first = machine.nextDataFrame(queuedBytes: 100, limit: 60)
        #expect(
            first == (canSend ? YamuxHeader(type: .data, flags: expected, streamID: 1, length: 60) : nil)
        )
        let second = machine.nextDataFrame(queuedBytes: 40, limit: 60)
        #expect(second == (canSend ? YamuxHeader(type: .data, flags: [], streamID: 1, length: 40) : nil))
    }

    @Test(arguments: State.allCases)
    func dataStopsAtTheWindow(state: State) {
        var machine = state.make()
        guard state != .weFinished && state != .ended else { return }
        #expect(machine.nextDataFrame(queuedBytes: 1 << 20, limit: 1 << 20)?.length == 262_144)
        #expect(machine.nextDataFrame(queuedBytes: 1 << 20, limit: 1 << 20) == nil)
        _ = machine.receiveWindowUpdate(3)
        #expect(machine.nextDataFrame(queuedBytes: 1 << 20, limit: 1 << 20)?.length == 3)
    }

    @Test func anOpeningFlagWaitsForDataThatCanGo() {
        var machine = YamuxStreamMachine(number: 1, direction: .outbound, now: .uptimeNanoseconds(0))
        #expect(machine.nextControlFrame(queuedBytes: 10) == nil)
        #expect(machine.nextControlFrame(queuedBytes: 0)?.flags == .syn)
    }
}
