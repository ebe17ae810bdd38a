import LibP2PCore
import NIOCore
import Synchronization

/// Sends a number of bytes of a pattern, ends its direction, and checks what comes back. Lives on the stream's event loop.
final class PatternExchange: MuxedStreamDelegate {
    private let stream: Stream
    private let total: Int
    private var sent = 0
    private var received = 0
    private var sentHash = FNV1a()
    private var receivedHash = FNV1a()
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
            var buffer = ByteBufferAllocator().buffer(capacity: count)
            for offset in 0..<count / 8 + 1 {
                buffer.writeInteger(UInt64(self.sent / 8 + offset) &* 0x9e37_79b9_7f4a_7c15)
            }
            let chunk = buffer.readSlice(length: count) ?? ByteBuffer()
            self.sentHash.add(chunk)
            self.sent += count
            self.stream.write(chunk)
        }
        if self.sent == self.total {
            self.stream.closeWrite()
        }
    }

    func streamReceived(_ data: ByteBuffer) {
        self.received += data.readableBytes
        self.receivedHash.add(data)
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
                isIdentical: self.received == self.total && self.sentHash.value == self.receivedHash.value,
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

/// Order-sensitive and cheap.
struct FNV1a {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ data: ByteBuffer) {
        data.withUnsafeReadableBytes { bytes in
            for byte in bytes {
                self.value = (self.value ^ UInt64(byte)) &* 0x100_0000_01b3
            }
        }
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
