import LibP2PCore
import NIOCore

/// One stream: how far its opening is, and its two directions, which end independently.
struct YamuxStreamMachine: Sendable {
    /// The window both sides start with. Yamux "Flow Control".
    static let initialWindowBytes = 262_144

    enum Opening: Hashable, Sendable {
        /// Ours; nothing has been sent.
        case synUnsent
        /// Ours; the peer has not answered.
        case synSent
        /// The peer's; we have not answered.
        case ackUnsent
        /// Both sides know it.
        case established
    }

    let number: UInt32
    private(set) var opening: Opening
    private(set) var send = YamuxSendSide()
    private(set) var receive: YamuxReceiveSide
    private(set) var hasEnded = false

    /// - Parameter direction: who opened the stream.
    init(number: UInt32, direction: Direction, now: NIODeadline) {
        self.number = number
        self.receive = YamuxReceiveSide(now: now)
        self.opening = direction == .outbound ? .synUnsent : .ackUnsent
    }

    /// Ours, and not yet acknowledged or ended.
    var isUnacknowledged: Bool {
        switch self.opening {
        case .synUnsent, .synSent: true
        case .ackUnsent, .established: false
        }
    }
}

// MARK: What the peer does

extension YamuxStreamMachine {
    /// What to do about a data frame.
    enum OnData: Hashable {
        /// Deliver the body.
        case accept
        /// Discard the body, send RST with the code; the stream has ended.
        case resetStream(StreamErrorCode)
        /// Close the connection.
        case closeConnection(YamuxViolation)
    }

    /// A data frame's header came, before its body.
    @inline(__always)
    mutating func receiveData(length: UInt32) -> OnData {
        switch self.receive.receiveData(length: Int(length)) {
        case .accept:
            return .accept
        case .afterFIN:
            self.end()
            return .resetStream(.protocolViolation)
        case .beyondWindow:
            return .closeConnection(
                .windowExceeded(streamID: self.number, length: length, window: self.receive.windowBytes)
            )
        }
    }

    /// What to do about a window update.
    enum OnWindowUpdate: Hashable {
        /// What is queued may go out.
        case resumeSending
        /// Send RST with the code; the stream has ended.
        case resetStream(StreamErrorCode)
    }

    mutating func receiveWindowUpdate(_ credit: UInt32) -> OnWindowUpdate {
        guard self.send.receiveCredit(credit) else {
            self.end()
            return .resetStream(.protocolViolation)
        }
        return .resumeSending
    }

    /// What to do about FIN.
    enum OnFIN: Hashable {
        /// Tell that the peer has ended its direction.
        case remoteFinished
        /// The same, and the stream has ended in order.
        case streamFinished
        /// Nothing: it is a repetition.
        case ignored
    }

    mutating func receiveFIN() -> OnFIN {
        guard !self.hasEnded, self.receive.finish() else { return .ignored }
        guard self.send.phase == .finished else { return .remoteFinished }
        self.end()
        return .streamFinished
    }

    /// Whether this ACK is the one that was awaited.
    mutating func receiveACK() -> Bool {
        guard self.isUnacknowledged else { return false }
        self.opening = .established
        return true
    }

    /// RST came, or the connection ended.
    mutating func abort() {
        self.end()
    }
}

// MARK: What we do

extension YamuxStreamMachine {
    /// Ends our direction after what is queued; false when nothing has to be done.
    mutating func closeWrite() -> Bool {
        !self.hasEnded && self.send.close()
    }

    /// What to do about our reset.
    enum OnReset: Hashable {
        /// Send RST; the stream has ended.
        case sendRST
        /// The peer has never heard of the stream, which has ended.
        case forget
        /// Nothing: it had ended before.
        case ignored
    }

    mutating func reset() -> OnReset {
        guard !self.hasEnded else { return .ignored }
        self.end()
        return self.opening == .synUnsent ? .forget : .sendRST
    }

    /// The header of the next data frame, whose body is the first bytes of what is queued. Nil: window or queue is empty.
    @inline(__always)
    mutating func nextDataFrame(queuedBytes: Int, limit: Int) -> YamuxHeader? {
        let length = self.send.takeWindow(queuedBytes: queuedBytes, limit: limit)
        guard length > 0 else { return nil }
        return YamuxHeader(
            type: .data,
            flags: self.takeOpeningFlag(),
            streamID: self.number,
            length: UInt32(truncatingIfNeeded: length)
        )
    }

    /// The header of a frame without body that is due: window update, FIN, or SYN and ACK when no data carries them.
    ///
    /// FIN has a frame of its own: some implementations take the flag before the body of the same frame and would show their
    /// readers an early end.
    mutating func nextControlFrame(queuedBytes: Int) -> YamuxHeader? {
        guard !self.hasEnded else { return nil }
        let credit = self.receive.takeAnnouncement()
        let fin = self.send.takeFIN(queuedBytes: queuedBytes)
        let dataFollows = queuedBytes > 0 && self.send.windowBytes > 0
        let opens = self.opening == .synUnsent || self.opening == .ackUnsent
        guard credit > 0 || fin || (opens && !dataFollows) else { return nil }
        var flags = self.takeOpeningFlag()
        if fin {
            flags.insert(.fin)
            if !self.receive.isOpen {
                self.end()
            }
        }
        return YamuxHeader(type: .windowUpdate, flags: flags, streamID: self.number, length: credit)
    }

    /// Takes bytes back from the receiver; returns how many were its.
    @inline(__always)
    mutating func returnCredit(_ bytes: Int) -> Int {
        self.receive.returnCredit(bytes)
    }

    mutating func endReceiveEpoch(now: NIODeadline, roundTrip: TimeAmount?, limit: Int) -> Int {
        self.receive.endEpoch(now: now, roundTrip: roundTrip, limit: limit)
    }

    mutating func growReceiveWindow(by bytes: Int) {
        self.receive.grow(by: bytes)
    }

    @inline(__always)
    private mutating func takeOpeningFlag() -> YamuxFlags {
        switch self.opening {
        case .established, .synSent:
            return []
        case .synUnsent:
            self.opening = .synSent
            return .syn
        case .ackUnsent:
            self.opening = .established
            return .ack
        }
    }

    private mutating func end() {
        self.hasEnded = true
        self.send.abort()
        _ = self.receive.finish()
    }
}
