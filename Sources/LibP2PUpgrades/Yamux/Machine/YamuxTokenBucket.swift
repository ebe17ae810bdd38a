import NIOCore

/// Allows `burst` events at once and `perSecond` in the long run.
struct YamuxTokenBucket: Sendable {
    private let burst: Double
    private let perSecond: Double
    private var tokens: Double
    private var filledAt: NIODeadline

    init(burst: Int, perSecond: Int, now: NIODeadline) {
        self.burst = Double(max(burst, 0))
        self.perSecond = Double(max(perSecond, 0))
        self.tokens = self.burst
        self.filledAt = now
    }

    /// Takes one token; false when there is none.
    mutating func take(now: NIODeadline) -> Bool {
        let seconds = Double(max((now - self.filledAt).nanoseconds, 0)) / 1e9
        self.tokens = min(self.burst, self.tokens + seconds * self.perSecond)
        self.filledAt = now
        guard self.tokens >= 1 else { return false }
        self.tokens -= 1
        return true
    }
}
