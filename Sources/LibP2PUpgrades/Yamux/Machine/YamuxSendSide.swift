/// Our direction of a stream: what the peer lets us send, and whether we have ended it.
struct YamuxSendSide: Sendable {
    enum Phase: Hashable, Sendable {
        /// Bytes may be queued.
        case open
        /// No more bytes may be queued; FIN follows those that are.
        case closing
        /// FIN or RST was sent, or the peer's RST came.
        case finished
    }

    private(set) var phase = Phase.open
    /// Bytes the peer lets us send. 0…2^32-1.
    private(set) var windowBytes = YamuxStreamMachine.initialWindowBytes

    var isOpen: Bool { self.phase == .open }

    /// Adds the peer's credit; false when it exceeds 2^32-1, which the peer must not do.
    mutating func receiveCredit(_ bytes: UInt32) -> Bool {
        let sum = self.windowBytes + Int(bytes)
        guard sum <= Int(UInt32.max) else { return false }
        self.windowBytes = sum
        return true
    }

    /// The size of the next frame: window, limit and what is queued permitting. Uses up the window.
    @inline(__always)
    mutating func takeWindow(queuedBytes: Int, limit: Int) -> Int {
        guard self.phase != .finished else { return 0 }
        let count = min(queuedBytes, min(self.windowBytes, limit))
        self.windowBytes -= count
        return count
    }

    /// Ends our direction after what is queued; false when that is done already.
    mutating func close() -> Bool {
        switch self.phase {
        case .open:
            self.phase = .closing
            return true
        case .closing, .finished:
            return false
        }
    }

    /// Says whether FIN has to go out now, and takes it as sent if so.
    mutating func takeFIN(queuedBytes: Int) -> Bool {
        switch self.phase {
        case .closing where queuedBytes == 0:
            self.phase = .finished
            return true
        case .open, .closing, .finished:
            return false
        }
    }

    mutating func abort() {
        self.phase = .finished
    }
}
