import LibP2PCore
import NIOCore

/// What a Yamux connection knows besides its streams: numbers, limits, and how much nonsense it has put up with.
struct YamuxSessionMachine: Sendable {
    private let configuration: YamuxConfiguration
    private var numbers: YamuxStreamNumbers
    private var inboundStreams = 0
    private var unacknowledgedStreams = 0
    private var extraWindowBytes = 0
    private var bufferedBytes = 0
    private var resets: YamuxTokenBucket
    private var uselessFrames: YamuxTokenBucket
    // Frames that were on their way when their stream ended are nobody's fault: each end allows some.
    private var lateFramesAllowed = 0
    private var lateBytesAllowed = YamuxStreamMachine.initialWindowBytes
    private(set) var remoteGoAway: ConnectionErrorCode?

    init(configuration: YamuxConfiguration, direction: Direction, now: NIODeadline) {
        self.configuration = configuration
        self.numbers = YamuxStreamNumbers(direction: direction)
        self.resets = YamuxTokenBucket(
            burst: configuration.resetBurst,
            perSecond: configuration.resetsPerSecond,
            now: now
        )
        self.uselessFrames = YamuxTokenBucket(
            burst: configuration.uselessFrameBurst,
            perSecond: configuration.uselessFramesPerSecond,
            now: now
        )
    }
}

// MARK: Opening and ending streams

extension YamuxSessionMachine {
    /// What to do about our wish for a stream.
    enum OnOpen: Hashable {
        /// Make the stream with this number.
        case open(UInt32)
        /// Throw.
        case refuse(MuxerError)
    }

    mutating func openStream() -> OnOpen {
        guard self.remoteGoAway == nil else { return .refuse(.connectionClosed) }
        guard self.unacknowledgedStreams < self.configuration.maxUnacknowledgedStreams else {
            return .refuse(.ackBacklogFull)
        }
        guard let number = self.numbers.takeLocal() else { return .refuse(.streamsExhausted) }
        self.unacknowledgedStreams += 1
        return .open(number)
    }

    mutating func streamAcknowledged() {
        self.unacknowledgedStreams -= 1
    }

    /// What to do about SYN.
    enum OnSYN: Hashable {
        /// Make the stream; go on with the frame as for a known stream.
        case accept
        /// Send RST with the code; discard the body.
        case refuse(StreamErrorCode)
        /// The peer opens and resets in one frame: discard it.
        case discard
        /// Close the connection with the code: the peer floods us with streams.
        case rateLimit
        /// Close the connection.
        case closeConnection(YamuxViolation)
    }

    /// The peer opens a stream whose number is not in the table.
    ///
    /// The body's length is judged before anything is made for the stream.
    mutating func receiveSYN(_ header: YamuxHeader, now: NIODeadline) -> OnSYN {
        switch self.numbers.receiveSYN(header.streamID) {
        case .closeConnection(let violation): return .closeConnection(violation)
        case .new: break
        }
        let bodyLength = header.type == .data ? Int(header.length) : 0
        guard bodyLength <= YamuxStreamMachine.initialWindowBytes else {
            return .closeConnection(
                .windowExceeded(
                    streamID: header.streamID,
                    length: header.length,
                    window: YamuxStreamMachine.initialWindowBytes
                )
            )
        }
        let isReset = header.flags.contains(.rst)
        guard isReset || self.inboundStreams >= self.configuration.maxInboundStreams else {
            self.inboundStreams += 1
            return .accept
        }
        guard self.resets.take(now: now) else { return .rateLimit }
        guard !isReset else { return .discard }
        self.allowLateBytes(YamuxStreamMachine.initialWindowBytes - bodyLength)
        return .refuse(.resourceLimitExceeded)
    }

    /// A stream has ended; gives back what it held.
    ///
    /// - Parameter lateBytes: what the peer may have on its way: the window it had, if we ended the stream.
    mutating func streamEnded(direction: Direction, machine: YamuxStreamMachine, lateBytes: Int) {
        switch direction {
        case .inbound: self.inboundStreams -= 1
        case .outbound: self.unacknowledgedStreams -= machine.isUnacknowledged ? 1 : 0
        }
        self.extraWindowBytes -= machine.receive.targetBytes - YamuxStreamMachine.initialWindowBytes
        self.bufferedBytes -= machine.receive.unreturnedBytes
        self.allowLateBytes(lateBytes)
        self.lateFramesAllowed = min(self.lateFramesAllowed + 16, 1 << 20)
    }

    /// A stream that the peer had opened was reset, by it or because of it; false when that happens too often: close the
    /// connection as rate limited.
    mutating func receiveReset(now: NIODeadline) -> Bool {
        self.resets.take(now: now)
    }

    private mutating func allowLateBytes(_ bytes: Int) {
        self.lateBytesAllowed = min(self.lateBytesAllowed + bytes, 1 << 40)
    }
}

// MARK: Memory

extension YamuxSessionMachine {
    /// Counts received bytes; false when the connection now holds too many that no receiver has returned. They count
    /// until they are released or their stream ends, in either case.
    @inline(__always)
    mutating func reserveBuffer(_ bytes: Int) -> Bool {
        self.bufferedBytes += bytes
        return self.bufferedBytes <= self.configuration.maxBufferedBytes
    }

    @inline(__always)
    mutating func releaseBuffer(_ bytes: Int) {
        self.bufferedBytes -= bytes
    }

    /// Asks for more receive window; false when the connection's share is used up.
    mutating func reserveWindow(_ bytes: Int) -> Bool {
        guard self.extraWindowBytes + bytes <= self.configuration.maxExtraWindowBytes else { return false }
        self.extraWindowBytes += bytes
        return true
    }
}

// MARK: Frames without a stream

extension YamuxSessionMachine {
    /// What to do about a frame that changes nothing.
    enum OnUseless: Hashable {
        /// Ignore it; discard its body.
        case ignore
        /// Close the connection.
        case closeConnection(YamuxViolation)
    }

    /// A frame without SYN came for a number that is not in the table.
    mutating func receiveLateFrame(_ header: YamuxHeader, now: NIODeadline) -> OnUseless {
        if header.type == .data, header.length > 0 {
            let (left, overflow) = self.lateBytesAllowed.subtractingReportingOverflow(Int(header.length))
            guard !overflow, left >= 0 else { return .closeConnection(.excessDataOnEndedStreams) }
            self.lateBytesAllowed = left
            // A body pays with the bytes it was allowed, not as a useless frame.
            guard header.length < 512 else { return .ignore }
        }
        return self.receiveUselessFrame(now: now)
    }

    /// A frame came that changes nothing: an empty one, an answer nobody awaits, a ping too many.
    mutating func receiveUselessFrame(now: NIODeadline) -> OnUseless {
        if self.lateFramesAllowed > 0 {
            self.lateFramesAllowed -= 1
            return .ignore
        }
        return self.uselessFrames.take(now: now) ? .ignore : .closeConnection(.tooManyUselessFrames)
    }

    mutating func receiveGoAway(_ code: UInt32) {
        if self.remoteGoAway == nil {
            self.remoteGoAway = ConnectionErrorCode(rawValue: code)
        }
    }
}
