import NIOCore

/// Bounds how many attempts run at a time, over all peers; the others queue, first come, first served.
struct DialPermits<Attempt> {
    private let limit: Int
    private(set) var inUse = 0
    private var queue = CircularBuffer<Attempt>()

    init(limit: Int) {
        self.limit = max(1, limit)
    }

    /// Takes a permit for the attempt, or queues it.
    ///
    /// - Returns: whether it may start.
    mutating func acquire(for attempt: Attempt) -> Bool {
        guard self.inUse < self.limit else {
            self.queue.append(attempt)
            return false
        }
        self.inUse += 1
        return true
    }

    /// Gives a permit back, or passes it on to the first attempt in the queue that `isWanted`.
    ///
    /// - Returns: the attempt that starts now.
    mutating func release(isWanted: (Attempt) -> Bool) -> Attempt? {
        while let next = self.queue.popFirst() {
            if isWanted(next) { return next }
        }
        self.inUse = max(0, self.inUse - 1)
        return nil
    }
}
