import LibP2PCore
import NIOCore

/// One inbound stream on its way to a protocol. The stream holds it as its delegate until then.
final class InboundStreamNegotiation: MuxedStreamDelegate, @unchecked Sendable {
    // Unchecked: created and used on the stream's event loop only; the timer's closure runs there too.

    private let stream: any MuxedStream
    private let isSupported: @Sendable (ProtocolID) -> Bool
    private let promise: EventLoopPromise<ProtocolID>
    private var machine = MultistreamListener()
    private var received = 0
    private var deadline: Scheduled<Void>?
    private var isDone = false

    var result: EventLoopFuture<ProtocolID> { self.promise.futureResult }

    init(_ stream: any MuxedStream, isSupported: @escaping @Sendable (ProtocolID) -> Bool) {
        self.stream = stream
        self.isSupported = isSupported
        self.promise = stream.eventLoop.makePromise()
    }

    func start(timeout: TimeAmount) {
        self.deadline = self.stream.eventLoop.scheduleTask(in: timeout) { self.fail(.timedOut) }
        // Delivers what has come already, which may be all that is needed.
        self.stream.delegate = self
    }

    func streamReceived(_ data: ByteBuffer) {
        guard !self.isDone else { return }
        self.received += data.readableBytes
        switch self.machine.receive(data, isSupported: self.isSupported) {
        case .awaitMore:
            self.returnCredit(leftover: 0)
        case .send(let answer):
            self.returnCredit(leftover: 0)
            self.stream.write(answer, promise: nil)
        case .selected(let name, let answer, let leftover):
            self.finish()
            self.stream.write(answer, promise: nil)
            self.returnCredit(leftover: leftover.readableBytes)
            self.stream.delegate = nil
            if leftover.readableBytes > 0 {
                self.stream.unread(leftover)
            }
            self.promise.succeed(name)
        case .fail:
            self.fail(.streamReset)
        }
    }

    func streamRemoteClosedWrite() {
        // No proposal can follow.
        self.fail(.streamReset)
    }

    func streamWritabilityChanged(_ isWritable: Bool) {}

    func streamClosed(_ reason: StreamCloseReason) {
        guard !self.isDone else { return }
        self.finish()
        self.promise.fail(reason.negotiationError)
    }

    private func returnCredit(leftover: Int) {
        let taken = self.received - leftover
        self.received = 0
        if taken > 0 {
            self.stream.returnCredit(taken)
        }
    }

    private func fail(_ error: NetworkError) {
        guard !self.isDone else { return }
        self.finish()
        self.stream.delegate = nil
        self.stream.reset(.protocolNegotiationFailed)
        self.promise.fail(error)
    }

    private func finish() {
        self.isDone = true
        self.deadline?.cancel()
        self.deadline = nil
    }
}

extension StreamCloseReason {
    /// What it means for a negotiation that the stream ended.
    var negotiationError: NetworkError {
        switch self {
        case .connectionClosed: .connectionClosed
        case .finished, .resetByPeer, .resetLocally: .streamReset
        }
    }
}
