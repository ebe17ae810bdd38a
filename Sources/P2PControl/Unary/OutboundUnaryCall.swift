import LibP2PCore
import NIOCore

/// One call to a peer, on a stream of its own: a request, an answer. Its methods may be called on any thread.
///
/// The peer's daemon takes any byte after the request, and the end of our direction, for a cancel: neither is sent before the answer.
final class OutboundUnaryCall: MuxedStreamDelegate, @unchecked Sendable {
    // Unchecked: all mutable state is touched on the stream's event loop only.

    private let stream: Stream
    private let onEnd: @Sendable (Result<UnaryResult, OperationError>) -> Void
    private let lingerTime: TimeAmount
    private var request: UnaryFrame?
    private var decoder: FrameDecoder
    private var isAnswered = false
    private var linger: Scheduled<Void>?

    /// - Parameter onEnd: called at most once, on the stream's event loop; not after `cancel`.
    init(
        stream: Stream,
        request: UnaryFrame,
        configuration: ControlConfiguration,
        onEnd: @escaping @Sendable (Result<UnaryResult, OperationError>) -> Void
    ) {
        self.stream = stream
        self.request = request
        self.lingerTime = configuration.unaryStreamTimeout
        self.decoder = FrameDecoder(maximumBytes: configuration.maximumMessageBytes)
        self.onEnd = onEnd
    }

    /// Sends the request.
    func start() {
        self.stream.eventLoop.runInOrder {
            guard !self.isAnswered, let request = self.request else { return }
            self.request = nil
            self.stream.delegate = self
            request.write(to: self.stream)
        }
    }

    /// Gives the call up; the peer is told by a reset.
    func cancel() {
        self.stream.eventLoop.runInOrder {
            guard !self.isAnswered else { return }
            self.isAnswered = true
            self.stream.reset(.noError)
        }
    }

    func streamReceived(_ data: ByteBuffer) {
        self.stream.returnCredit(data.readableBytes)
        guard !self.isAnswered else { return }
        self.decoder.append(data)
        switch self.decoder.next() {
        case .frame(let frame):
            guard let message = (try? PersistentRequest(frame))?.message, case .unaryResponse(let result) = message
            else {
                self.fail("the peer's answer is malformed")
                return
            }
            self.succeed(result)
        case .needsMoreBytes:
            break
        case .violation:
            self.fail("the peer's answer is longer than the limit of messages")
        }
    }

    func streamRemoteClosedWrite() {
        if !self.isAnswered {
            self.fail("the peer ended the stream without an answer")
        }
    }

    func streamWritabilityChanged(_ isWritable: Bool) {}

    func streamClosed(_ reason: StreamCloseReason) {
        self.linger?.cancel()
        if !self.isAnswered {
            self.isAnswered = true
            self.onEnd(.failure(.unknown("stream reset")))
        }
    }

    private func succeed(_ result: UnaryResult) {
        self.isAnswered = true
        self.onEnd(.success(result))
        self.stream.closeWrite()
        let stream = self.stream
        self.linger = self.stream.eventLoop.assumeIsolated().scheduleTask(in: self.lingerTime) {
            stream.reset(.noError)
        }
    }

    private func fail(_ reason: String) {
        self.isAnswered = true
        self.onEnd(.failure(.unknown(reason)))
        self.stream.reset(.protocolViolation)
    }
}
