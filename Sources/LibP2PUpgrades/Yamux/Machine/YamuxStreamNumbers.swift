import LibP2PCore

/// Gives out our stream numbers and judges the peer's. Yamux "StreamID Field".
///
/// Implementations that open streams from several threads may put their SYNs on the wire out of order, so a number below
/// the highest is new as long as it was skipped not more than 256 numbers ago.
struct YamuxStreamNumbers: Sendable {
    /// What the number of a SYN says.
    enum OnSYN: Hashable {
        /// Never used before.
        case new
        /// Close the connection.
        case closeConnection(YamuxViolation)
    }

    private var nextLocal: UInt32?
    private let remoteParity: UInt32
    private var highestRemote: Int64
    // Bit k tells that `highestRemote - 2 (k + 1)` was skipped and may still come.
    private var skippedLow: UInt128 = 0
    private var skippedHigh: UInt128 = 0

    /// - Parameter direction: outbound for the dialer of the connection, which gives the odd numbers.
    init(direction: Direction) {
        switch direction {
        case .outbound:
            (self.nextLocal, self.remoteParity, self.highestRemote) = (1, 0, 0)
        case .inbound:
            (self.nextLocal, self.remoteParity, self.highestRemote) = (2, 1, -1)
        }
    }

    /// The number of our next stream, nil when all are used up.
    mutating func takeLocal() -> UInt32? {
        guard let number = self.nextLocal else { return nil }
        let (next, overflow) = number.addingReportingOverflow(2)
        self.nextLocal = overflow ? nil : next
        return number
    }

    mutating func receiveSYN(_ number: UInt32) -> OnSYN {
        guard number & 1 == self.remoteParity else { return .closeConnection(.streamNumberOfWrongSide(number)) }
        let distance = (Int64(number) - self.highestRemote) / 2
        guard distance <= 0 else {
            self.advance(by: distance)
            self.highestRemote = Int64(number)
            return .new
        }
        guard distance < 0, self.takeSkipped(at: -distance - 1) else {
            return .closeConnection(.streamNumberReused(number))
        }
        return .new
    }

    private mutating func advance(by distance: Int64) {
        guard distance <= 256 else {
            (self.skippedLow, self.skippedHigh) = (.max, .max)
            return
        }
        self.skippedHigh = self.skippedHigh << distance | self.skippedLow >> (128 - distance)
        self.skippedLow = self.skippedLow << distance
        let newlySkipped = distance - 1
        self.skippedLow |= ~(UInt128.max << newlySkipped)
        if newlySkipped > 128 {
            self.skippedHigh |= ~(UInt128.max << (newlySkipped - 128))
        }
    }

    private mutating func takeSkipped(at index: Int64) -> Bool {
        guard index < 256 else { return false }
        if index < 128 {
            let bit = UInt128(1) << index
            defer { self.skippedLow &= ~bit }
            return self.skippedLow & bit != 0
        }
        let bit = UInt128(1) << (index - 128)
        defer { self.skippedHigh &= ~bit }
        return self.skippedHigh & bit != 0
    }
}
