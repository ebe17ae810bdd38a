/// Decides what a bridge does when either side of it ends a direction, ends, or fails.
///
/// The two directions are independent (a half-close is carried over), and an end of the stream is always shown to the local
/// program as an orderly end of file.
struct BridgeMachine: Sendable {
    /// What the driver must do, in the order of declaration.
    struct Actions: OptionSet, Sendable {
        let rawValue: UInt8

        /// Ends our direction of the stream, behind what is queued on it.
        static let closeStreamWrite = Actions(rawValue: 1)
        /// Resets the stream.
        static let resetStream = Actions(rawValue: 2)
        /// Reports `outputDrained` once the local socket has taken all that is queued for it.
        static let drainOutput = Actions(rawValue: 4)
        /// Ends the daemon's direction of the local socket.
        static let shutDownOutput = Actions(rawValue: 8)
        /// Reads and drops what the program still sends; calls `discardingEnded` after a while or an amount.
        static let discardInput = Actions(rawValue: 16)
        /// Closes the local socket.
        static let closeLocal = Actions(rawValue: 32)
        /// Closes the local socket although the program may still be sending, without resetting it.
        static let hangUpLocal = Actions(rawValue: 64)
        /// Watches the stream, of which nobody reads the end any more, and calls `lingeringEnded` when it makes no progress.
        static let linger = Actions(rawValue: 128)
    }

    private enum Output {
        case open
        /// The stream's end was seen; bytes before it are still on their way to the program.
        case draining
        case shutDown
    }

    /// The program's direction, local socket → stream.
    private var inputEnded = false
    private var output = Output.open
    private var localGone = false
    private var streamEnded = false
    private var streamWriteClosed = false

    /// Whether bytes of the program go to the stream; else they are dropped.
    var forwardsInput: Bool { !self.streamEnded && !self.streamWriteClosed }

    /// Whether bytes of the stream go to the program; else they are dropped.
    var forwardsOutput: Bool { !self.localGone && self.output == .open }

    var isDone: Bool { self.localGone && self.streamEnded }

    /// The program ended its direction.
    mutating func receiveLocalEnd() -> Actions {
        guard !self.inputEnded, !self.localGone else { return [] }
        self.inputEnded = true
        var actions = self.closeStreamWrite()
        if self.output == .shutDown { actions.insert(.closeLocal) }
        return actions
    }

    /// The local socket is closed: the program is gone, or both directions were ended.
    mutating func receiveLocalGone() -> Actions {
        guard !self.localGone else { return [] }
        self.localGone = true
        self.inputEnded = true
        guard !self.streamEnded else { return [] }
        // Not a reset: what the program sent before it left may still be queued, here or unread at the peer.
        return self.closeStreamWrite().union(.linger)
    }

    /// The local socket failed (ECONNRESET: the program left bytes unread).
    mutating func receiveLocalFailure() -> Actions {
        guard !self.localGone else { return [] }
        return self.streamEnded ? .closeLocal : [.resetStream, .closeLocal]
    }

    /// The peer ended its direction.
    mutating func receiveRemoteEnd() -> Actions {
        self.endOutput()
    }

    /// The stream is over in both directions, in order or not.
    mutating func receiveStreamEnd() -> Actions {
        guard !self.streamEnded else { return [] }
        self.streamEnded = true
        guard !self.localGone else { return [] }
        var actions = self.endOutput()
        if !self.inputEnded, self.output == .shutDown { actions.insert(.discardInput) }
        return actions
    }

    /// The program's socket has taken everything.
    mutating func outputDrained() -> Actions {
        guard self.output == .draining, !self.localGone else { return [] }
        self.output = .shutDown
        if self.inputEnded { return .closeLocal }
        return self.streamEnded ? [.shutDownOutput, .discardInput] : .shutDownOutput
    }

    /// The program had its time, or its bytes, to notice the end of the stream.
    func discardingEnded() -> Actions {
        self.localGone ? [] : .hangUpLocal
    }

    /// The peer takes nothing any more, or has had its time after it took all.
    func lingeringEnded() -> Actions {
        self.streamEnded ? [] : .resetStream
    }

    private mutating func closeStreamWrite() -> Actions {
        guard !self.streamEnded, !self.streamWriteClosed else { return [] }
        self.streamWriteClosed = true
        return .closeStreamWrite
    }

    private mutating func endOutput() -> Actions {
        guard self.output == .open, !self.localGone else { return [] }
        self.output = .draining
        return .drainOutput
    }
}
