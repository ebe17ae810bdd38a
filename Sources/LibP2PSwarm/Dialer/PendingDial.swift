import LibP2PCore
import Multiformats
import NIOCore

/// A dial that runs and those who wait for it.
final class PendingDial: @unchecked Sendable {
    // Unchecked: the variables are touched under the swarm's lock only.

    let peer: PeerID
    /// Where its timer runs.
    let loop: any EventLoop
    var machine: DialMachine
    var waiters: [UInt64: EventLoopPromise<any Connection>] = [:]
    /// A local client gave addresses: names among them are resolved and dialled whatever failed before.
    var isExplicit: Bool
    /// When the timer that is set goes off; nil while none is.
    var timerDeadline: NIODeadline?

    init(peer: PeerID, loop: any EventLoop, machine: DialMachine, isExplicit: Bool) {
        self.peer = peer
        self.loop = loop
        self.machine = machine
        self.isExplicit = isExplicit
    }
}

/// An attempt at one address of a dial.
struct DialAttempt: Sendable {
    let dial: PendingDial
    let address: Multiaddr
    let timeout: TimeAmount
}

/// What is left to be done after a transition, outside the lock.
enum DialWork: Sendable {
    case fail([EventLoopPromise<any Connection>], NetworkError)
    case resolve(PendingDial, Multiaddr)
    case setTimer(PendingDial, NIODeadline)
    case start(DialAttempt)
}
