import NIOCore

/// The asking side of a ping: one payload out, the same back.
struct PingClientMachine {
    private enum State {
        case idle
        case awaitingEcho(sentAt: NIODeadline)
        case ended
    }

    private let payload: [UInt8]
    private var state = State.idle
    private var received: [UInt8] = []

    /// - Parameter payload: 32 random bytes.
    init(payload: [UInt8]) {
        self.payload = payload
    }

    /// Gives the bytes to send.
    mutating func send(now: NIODeadline) -> [UInt8] {
        self.state = .awaitingEcho(sentAt: now)
        return self.payload
    }

    enum OnReceive: Equatable {
        case awaitMore
        /// The round trip took this long. End our direction.
        case succeed(TimeAmount)
        /// The peer sent something else. Reset the stream.
        case resetStream
    }

    mutating func receive(_ data: ByteBuffer, now: NIODeadline) -> OnReceive {
        switch self.state {
        case .idle:
            self.state = .ended
            return .resetStream
        case .awaitingEcho(let sentAt):
            guard self.received.count + data.readableBytes <= self.payload.count else {
                self.state = .ended
                return .resetStream
            }
            self.received += data.readableBytesView
            guard self.received.count == self.payload.count else { return .awaitMore }
            self.state = .ended
            return self.received == self.payload ? .succeed(now - sentAt) : .resetStream
        case .ended:
            return .resetStream
        }
    }
}
