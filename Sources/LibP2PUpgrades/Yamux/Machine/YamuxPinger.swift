import NIOCore

/// Measures the round trip from the first moment on and finds out when the peer is gone.
struct YamuxPinger: Sendable {
    private enum State {
        /// No ping is on its way.
        case waiting(until: NIODeadline)
        /// One ping is on its way; never two.
        case inFlight(value: UInt32, sentAt: NIODeadline, deadline: NIODeadline)
    }

    /// What to do at a deadline.
    enum OnDeadline: Hashable {
        /// Nothing; look at `nextDeadline` again.
        case none
        /// Send a ping with this value.
        case sendPing(UInt32)
        /// The peer has been silent for too long; end the connection.
        case connectionLost
    }

    private var state: State
    private var nextValue: UInt32 = 0
    private let interval: TimeAmount
    private let timeout: TimeAmount
    /// Smoothed; nil before the first answer.
    private(set) var roundTrip: TimeAmount?

    /// Starts with a ping that is due at `now`.
    init(interval: TimeAmount, timeout: TimeAmount, now: NIODeadline) {
        self.interval = interval
        self.timeout = timeout
        self.state = .waiting(until: now)
    }

    var nextDeadline: NIODeadline {
        switch self.state {
        case .waiting(let until): until
        case .inFlight(_, _, let deadline): deadline
        }
    }

    /// - Parameter hasHeardPeer: whether any byte has arrived since the last call. A peer that sends is alive even if its
    ///   answer is stuck behind bulk data.
    mutating func deadlineReached(now: NIODeadline, hasHeardPeer: Bool) -> OnDeadline {
        guard now >= self.nextDeadline else { return .none }
        switch self.state {
        case .waiting:
            let value = self.nextValue
            self.nextValue &+= 1
            self.state = .inFlight(value: value, sentAt: now, deadline: now + self.timeout)
            return .sendPing(value)
        case .inFlight(let value, let sentAt, _):
            guard hasHeardPeer else { return .connectionLost }
            self.state = .inFlight(value: value, sentAt: sentAt, deadline: now + self.timeout)
            return .none
        }
    }

    /// Takes the answer to a ping; false when none with this value is awaited.
    mutating func receivePong(_ value: UInt32, now: NIODeadline) -> Bool {
        switch self.state {
        case .inFlight(value, let sentAt, _):
            let sample = now - sentAt
            if let old = self.roundTrip {
                self.roundTrip = .nanoseconds((old.nanoseconds + sample.nanoseconds) / 2)
            } else {
                self.roundTrip = sample
            }
            self.state = .waiting(until: now + self.interval)
            return true
        case .inFlight, .waiting:
            return false
        }
    }
}
