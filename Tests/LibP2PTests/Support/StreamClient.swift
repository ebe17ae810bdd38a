import LibP2PCore
import NIOCore
import Synchronization

/// Sends a number of bytes of a pattern, ends its direction, and checks what comes back. Lives on the stream's event loop.
final class PatternExchange: MuxedStreamDelegate {
    private let stream: Stream
    private let total: Int
    private var sent = 0
    private var received = 0
    private var isIdentical = true
    private var remoteEnded = false
    private let promise: EventLoopPromise<Outcome>

    struct Outcome: Sendable {
        let received: Int
        let isIdentical: Bool
        let remoteEnded: Bool
        let reason: StreamCloseReason
    }

    private init(stream: Stream, total: Int, promise: EventLoopPromise<Outcome>) {
        self.stream = stream
        self.total = total
        self.promise = promise
    }

    /// On any thread.
    static func run(_ stream: Stream, total: Int) -> EventLoopFuture<Outcome> {
        let promise = stream.eventLoop.makePromise(of: Outcome.self)
        stream.eventLoop.execute {
            let exchange = PatternExchange(stream: stream, total: total, promise: promise)
            stream.delegate = exchange
            exchange.send()
        }
        return promise.futureResult
    }

    private func send() {
        while self.sent < self.total, self.stream.isWritable {
            let count = min(60_000, self.total - self.sent)
            let chunk = Pattern.bytes(at: self.sent, count: count)
            self.sent += count
            self.stream.write(chunk)
        }
        if self.sent == self.total {
            self.stream.closeWrite()
        }
    }

    func streamReceived(_ data: ByteBuffer) {
        self.isIdentical = self.isIdentical && Pattern.matches(data, at: self.received)
        self.received += data.readableBytes
        self.stream.returnCredit(data.readableBytes)
    }

    func streamRemoteClosedWrite() { self.remoteEnded = true }

    func streamWritabilityChanged(_ isWritable: Bool) {
        if isWritable { self.send() }
    }

    func streamClosed(_ reason: StreamCloseReason) {
        self.promise.succeed(
            Outcome(
                received: self.received,
                isIdentical: self.isIdentical && self.received == self.total,
                remoteEnded: self.remoteEnded,
                reason: reason
            )
        )
    }
}

/// Keeps how a stream ended. Lives on the stream's event loop.
final class EndWatcher: MuxedStreamDelegate {
    private let promise: EventLoopPromise<StreamCloseReason>

    init(_ promise: EventLoopPromise<StreamCloseReason>) {
        self.promise = promise
    }

    func streamReceived(_ data: ByteBuffer) {}
    func streamRemoteClosedWrite() {}
    func streamWritabilityChanged(_ isWritable: Bool) {}
    func streamClosed(_ reason: StreamCloseReason) { self.promise.succeed(reason) }
}

/// An endless sequence of bytes that differs wherever something is lost, doubled or swapped. Its period is prime.
enum Pattern {
    private static let period = 65_521
    private static let twoPeriods: ByteBuffer = {
        var state: UInt64 = 1
        let once = (0..<Self.period).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1
            return UInt8(truncatingIfNeeded: state >> 56)
        }
        return ByteBuffer(bytes: once + once)
    }()

    /// - Parameter count: at most 65521.
    static func bytes(at position: Int, count: Int) -> ByteBuffer {
        Self.twoPeriods.getSlice(at: position % Self.period, length: count) ?? ByteBuffer()
    }

    static func matches(_ data: ByteBuffer, at position: Int) -> Bool {
        var rest = data
        var position = position
        while let piece = rest.readSlice(length: min(rest.readableBytes, Self.period)), piece.readableBytes > 0 {
            guard piece == Self.bytes(at: position, count: piece.readableBytes) else { return false }
            position += piece.readableBytes
        }
        return true
    }
}

/// The streams a handler was given.
final class StreamCollector: Sendable {
    private let streams = Mutex<[Stream]>([])

    var all: [Stream] { self.streams.withLock { $0 } }

    func add(_ stream: Stream) {
        self.streams.withLock { $0.append(stream) }
    }
}
