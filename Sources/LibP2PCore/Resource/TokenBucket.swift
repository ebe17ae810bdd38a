public import NIOCore

/// Allows a burst and then a steady rate.
public struct TokenBucket: Sendable, Hashable {
    /// Tokens a full bucket holds.
    public let burst: Double
    public let tokensPerSecond: Double
    private var tokens: Double
    private var countedAt: NIODeadline

    /// Starts full.
    public init(tokensPerSecond: Double, burst: Double, now: NIODeadline) {
        self.burst = burst
        self.tokensPerSecond = tokensPerSecond
        self.tokens = burst
        self.countedAt = now
    }

    /// Takes one token; false when there is none.
    public mutating func take(now: NIODeadline) -> Bool {
        self.refill(now: now)
        guard self.tokens >= 1 else { return false }
        self.tokens -= 1
        return true
    }

    /// Whether nothing is lost by forgetting the bucket.
    public mutating func isFull(now: NIODeadline) -> Bool {
        self.refill(now: now)
        return self.tokens >= self.burst
    }

    private mutating func refill(now: NIODeadline) {
        guard now > self.countedAt else { return }
        let seconds = Double((now - self.countedAt).nanoseconds) / 1e9
        self.tokens = min(self.burst, self.tokens + seconds * self.tokensPerSecond)
        self.countedAt = now
    }
}
