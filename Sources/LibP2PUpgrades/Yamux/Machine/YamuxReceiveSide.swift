import NIOCore

/// The peer's direction of a stream: what we let it send, and how that window grows.
///
/// At all times: window + bytes the receiver has not returned + credit not yet announced = target.
struct YamuxReceiveSide: Sendable {
    enum Phase: Hashable, Sendable {
        case open
        /// The peer's FIN or RST came, or we sent RST.
        case finished
    }

    /// What data of a given length means.
    enum OnData: Hashable {
        /// It fits.
        case accept
        /// The peer sends after its FIN.
        case afterFIN
        /// The peer sends more than the window.
        case beyondWindow
    }

    private(set) var phase = Phase.open
    /// Bytes the peer may send now.
    private(set) var windowBytes = YamuxStreamMachine.initialWindowBytes
    /// The size of the window when all is returned.
    private(set) var targetBytes = YamuxStreamMachine.initialWindowBytes
    /// Bytes received that the receiver has not returned.
    private(set) var unreturnedBytes = 0
    private var unannouncedBytes = 0
    private var epochBytes = 0
    private var epochStart: NIODeadline

    init(now: NIODeadline) {
        self.epochStart = now
    }

    var isOpen: Bool { self.phase == .open }

    @inline(__always)
    mutating func receiveData(length: Int) -> OnData {
        guard length > 0 else { return .accept }
        guard self.phase == .open else { return .afterFIN }
        guard length <= self.windowBytes else { return .beyondWindow }
        self.windowBytes -= length
        self.unreturnedBytes += length
        return .accept
    }

    /// Ends the peer's direction; false when that was done already.
    mutating func finish() -> Bool {
        guard self.phase == .open else { return false }
        self.phase = .finished
        return true
    }

    /// Takes bytes back from the receiver, at most those it has. Returns how many were taken.
    @inline(__always)
    mutating func returnCredit(_ bytes: Int) -> Int {
        let count = min(max(bytes, 0), self.unreturnedBytes)
        self.unreturnedBytes -= count
        self.unannouncedBytes += count
        self.epochBytes += count
        return count
    }

    /// Whether a window update is worth its frame now.
    ///
    /// What is returned but not announced is lost to the window: at half of it, as is customary, a third of the throughput
    /// on long paths. A 32nd, within 32 and 256 KiB, costs next to none, and next to no frames either. When the peer is
    /// about to run dry a smaller step already helps; 8 KiB keeps crumbs off the wire.
    @inline(__always)
    var isAnnouncementDue: Bool {
        guard self.phase == .open else { return false }
        let step = min(max(self.targetBytes / 32, 32_768), 262_144)
        return self.unannouncedBytes >= step || (self.unannouncedBytes >= 8192 && self.windowBytes < step)
    }

    /// The credit of the next window update, 0 when none is due. Takes it as sent.
    mutating func takeAnnouncement() -> UInt32 {
        guard self.isAnnouncementDue, let delta = UInt32(exactly: self.unannouncedBytes) else { return 0 }
        self.windowBytes += self.unannouncedBytes
        self.unannouncedBytes = 0
        return delta
    }

    /// Whether enough was consumed to judge the window; then `endEpoch` wants to be called.
    @inline(__always)
    var isEpochComplete: Bool { self.epochBytes >= self.targetBytes / 2 }

    /// Judges the window: by how many bytes it should grow, 0 for not at all.
    ///
    /// Half a window consumed within two round trips is a whole one within four: then the window, not the path, may be
    /// what limits the peer, and it doubles.
    mutating func endEpoch(now: NIODeadline, roundTrip: TimeAmount?, limit: Int) -> Int {
        let elapsed = now - self.epochStart
        self.epochBytes = 0
        self.epochStart = now
        guard self.phase == .open, let roundTrip, elapsed < .nanoseconds(roundTrip.nanoseconds * 2) else { return 0 }
        return max(min(self.targetBytes * 2, limit) - self.targetBytes, 0)
    }

    mutating func grow(by bytes: Int) {
        self.targetBytes += bytes
        self.unannouncedBytes += bytes
    }
}
