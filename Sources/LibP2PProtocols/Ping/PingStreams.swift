import LibP2PCore
import NIOCore

/// Answers pings on one stream. Lives on the stream's event loop.
final class PingServerStream: MuxedStreamDelegate {
    private let stream: Stream
    private let idleTimeout: TimeAmount
    private var machine = PingServerMachine()
    private var lastPing: NIODeadline
    private var idleCheck: Scheduled<Void>?
    private var completion: (() -> Void)?

    init(stream: Stream, idleTimeout: TimeAmount, completion: @escaping () -> Void) {
        self.stream = stream
        self.lastPing = stream.eventLoop.now
        self.idleTimeout = idleTimeout
        self.completion = completion
    }

    func start() {
        self.scheduleIdleCheck(in: self.idleTimeout)
        self.stream.delegate = self
    }

    func streamReceived(_ data: ByteBuffer) {
        guard let echo = self.machine.receive(data) else { return }
        self.lastPing = self.stream.eventLoop.now
        let count = echo.readableBytes
        // Credit only for what left again: a peer that pings without reading stalls itself.
        let promise = self.stream.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { [stream = self.stream] in
            stream.returnCredit(count)
        }
        self.stream.write(echo, promise: promise)
    }

    func streamRemoteClosedWrite() {
        self.stream.closeWrite()
    }

    func streamWritabilityChanged(_ isWritable: Bool) {}

    func streamClosed(_ reason: StreamCloseReason) {
        self.idleCheck?.cancel()
        self.idleCheck = nil
        self.completion?()
        self.completion = nil
    }

    /// One timer per idle period, not one per ping.
    private func scheduleIdleCheck(in delay: TimeAmount) {
        self.idleCheck = self.stream.eventLoop.assumeIsolated().scheduleTask(in: delay) {
            let left = self.lastPing + self.idleTimeout - self.stream.eventLoop.now
            if left > .nanoseconds(0) {
                self.scheduleIdleCheck(in: left)
            } else {
                self.stream.reset(.noError)
            }
        }
    }
}

/// Sends one ping on one stream. Lives on the stream's event loop.
final class PingClientStream: MuxedStreamDelegate {
    private let stream: Stream
    private var machine: PingClientMachine
    private var deadline: Scheduled<Void>?
    private var completion: ((Result<TimeAmount, PingError>) -> Void)?

    init(stream: Stream, payload: [UInt8], completion: @escaping (Result<TimeAmount, PingError>) -> Void) {
        self.stream = stream
        self.machine = PingClientMachine(payload: payload)
        self.completion = completion
    }

    func start(timeout: TimeAmount) {
        self.deadline = self.stream.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            self.fail(.timedOut)
        }
        self.stream.delegate = self
        self.stream.write(ByteBuffer(bytes: self.machine.send(now: self.stream.eventLoop.now)))
    }

    func streamReceived(_ data: ByteBuffer) {
        self.stream.returnCredit(data.readableBytes)
        switch self.machine.receive(data, now: self.stream.eventLoop.now) {
        case .awaitMore:
            break
        case .succeed(let roundTripTime):
            self.complete(.success(roundTripTime))
            self.stream.closeWrite()
        case .resetStream:
            self.fail(.wrongAnswer)
        }
    }

    func streamRemoteClosedWrite() {
        if self.completion != nil {
            self.fail(.streamClosed)
        }
    }

    func streamWritabilityChanged(_ isWritable: Bool) {}

    func streamClosed(_ reason: StreamCloseReason) {
        // The deadline outlives the answer, so that a peer that never ends its direction is cut off.
        self.deadline?.cancel()
        self.deadline = nil
        self.complete(.failure(.streamClosed))
    }

    private func fail(_ error: PingError) {
        self.complete(.failure(error))
        self.stream.reset(error == .wrongAnswer ? .protocolViolation : .noError)
    }

    private func complete(_ result: Result<TimeAmount, PingError>) {
        guard let completion = self.completion else { return }
        self.completion = nil
        completion(result)
    }
}
