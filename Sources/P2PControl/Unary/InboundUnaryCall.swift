import LibP2PCore
import Multiformats
import NIOCore

/// One call from a peer, on a stream of its own, given to a client to answer. Its methods may be called on any thread.
final class InboundUnaryCall: MuxedStreamDelegate, @unchecked Sendable {
    // Unchecked: all mutable state is touched on the stream's event loop only.

    /// The request, as the client is given it. Peer and protocol are what the connection and the stream say, not the message:
    /// a peer could name others there.
    private struct Request {
        let callID: CallID
        let data: ByteBuffer
    }

    private enum State {
        /// The request is not complete yet.
        case reading
        /// A client has it; anything from the caller now is a cancel.
        case waiting(Request, PersistentConnection, RegistrationTable.RegistrationID)
        /// The answer is written, or was given up.
        case ended
    }

    /// What the client knows the call by. Ours, because callers choose theirs as they like.
    let localID: CallID
    private let stream: Stream
    private let handlers: HandlerTable
    private let configuration: ControlConfiguration
    private var state = State.reading
    private var decoder: FrameDecoder
    private var tried: Set<RegistrationTable.RegistrationID> = []
    private var timer: Scheduled<Void>?
    private var hasProgress = false
    private let openedAt: NIODeadline

    /// On the stream's event loop.
    init(stream: Stream, handlers: HandlerTable, configuration: ControlConfiguration) {
        var generator = SystemRandomNumberGenerator()
        self.localID = .random(using: &generator)
        self.stream = stream
        self.handlers = handlers
        self.configuration = configuration
        self.decoder = FrameDecoder(maximumBytes: configuration.maximumMessageBytes)
        self.openedAt = stream.eventLoop.now
    }

    private var eventLoop: any EventLoop { self.stream.eventLoop }

    /// Takes the stream. On its event loop.
    func start() {
        self.watchReading()
        self.stream.delegate = self
    }

    /// Resets the stream of a caller that sends nothing for a while, or takes too long altogether.
    private func watchReading() {
        self.hasProgress = false
        self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: self.configuration.unaryStreamTimeout) {
            let age = self.eventLoop.now - self.openedAt
            guard self.hasProgress, age < self.configuration.unaryTimeout else {
                self.give(up: .noError)
                return
            }
            self.watchReading()
        }
    }

    private func give(up code: StreamErrorCode) {
        self.state = .ended
        self.timer?.cancel()
        self.stream.reset(code)
    }

    func streamReceived(_ data: ByteBuffer) {
        self.stream.returnCredit(data.readableBytes)
        switch self.state {
        case .reading:
            self.hasProgress = true
            self.decoder.append(data)
            self.readRequest()
        case .waiting:
            self.cancelled()
        case .ended:
            break
        }
    }

    func streamRemoteClosedWrite() {
        switch self.state {
        case .reading: self.give(up: .noError)
        case .waiting: self.cancelled()
        case .ended: break
        }
    }

    func streamWritabilityChanged(_ isWritable: Bool) {}

    func streamClosed(_ reason: StreamCloseReason) {
        if case .waiting(_, let connection, _) = self.state {
            connection.withdraw(self.localID)
        }
        self.state = .ended
        self.timer?.cancel()
    }

    private func readRequest() {
        switch self.decoder.next() {
        case .needsMoreBytes:
            break
        case .violation:
            self.give(up: .protocolViolation)
        case .frame(let frame):
            guard
                let request = try? PersistentRequest(frame), let callID = request.callID,
                case .callUnary(peer: _, protocolName: _, let data) = request.message,
                self.decoder.bufferedBytes == 0
            else {
                self.give(up: .protocolViolation)
                return
            }
            self.timer?.cancel()
            self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: self.configuration.unaryTimeout) {
                self.timedOut()
            }
            self.offer(Request(callID: callID, data: data))
        }
    }

    /// Gives the request to the client whose turn it is.
    private func offer(_ request: Request) {
        guard let (id, connection) = self.handlers.nextUnaryHandler(for: self.stream.protocolID, except: self.tried)
        else {
            let reason = self.tried.isEmpty ? "the handler has gone" : "the handlers are busy"
            self.finish(request, .error(ByteBuffer(string: reason)))
            return
        }
        self.state = .waiting(request, connection, id)
        connection.offer(
            self,
            caller: self.stream.connection.remotePeer,
            protocolID: self.stream.protocolID,
            data: request.data
        )
    }

    /// The client cannot take the call: the next one is asked.
    func refused() {
        self.eventLoop.runInOrder {
            guard case .waiting(let request, _, let id) = self.state else { return }
            self.tried.insert(id)
            self.offer(request)
        }
    }

    /// The client has answered.
    func answer(_ result: UnaryResult) {
        self.eventLoop.runInOrder {
            guard case .waiting(let request, _, _) = self.state else { return }
            self.finish(request, result)
        }
    }

    /// The client is gone: the caller is not left waiting.
    func handlerHasGone() {
        self.answer(.error(ByteBuffer(string: "the handler has gone")))
    }

    private func timedOut() {
        guard case .waiting(let request, let connection, _) = self.state else { return }
        connection.withdraw(self.localID)
        self.finish(request, .error(ByteBuffer(string: NetworkError.timedOut.description)))
    }

    private func cancelled() {
        if case .waiting(_, let connection, _) = self.state {
            connection.withdraw(self.localID)
        }
        self.give(up: .noError)
    }

    /// Writes the answer; then the caller has some time to take it and to end the stream.
    private func finish(_ request: Request, _ result: UnaryResult) {
        self.state = .ended
        self.timer?.cancel()
        let frame = UnaryFrame.unaryResponse(request.callID, result)
        let stream = self.stream
        let written = self.eventLoop.makePromise(of: Void.self)
        frame.write(to: stream, promise: written)
        stream.closeWrite()
        self.resetAfter(self.configuration.unaryTimeout)
        written.futureResult.assumeIsolated().whenSuccess {
            self.resetAfter(self.configuration.unaryStreamTimeout)
        }
    }

    private func resetAfter(_ time: TimeAmount) {
        self.timer?.cancel()
        let stream = self.stream
        self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: time) { stream.reset(.noError) }
    }
}
