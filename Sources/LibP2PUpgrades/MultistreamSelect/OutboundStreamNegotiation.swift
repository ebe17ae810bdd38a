import LibP2PCore
import NIOCore

/// One outbound stream whose opener waits for the protocol. The stream holds it as its delegate until then.
final class OutboundStreamNegotiation: MuxedStreamDelegate, @unchecked Sendable {
    // Unchecked: created and used on the stream's event loop only; the timer's closure runs there too.

    private let stream: any MuxedStream
    private let protocols: [ProtocolID]
    private let promise: EventLoopPromise<ProtocolID>
    private var machine: MultistreamDialer
    private var received = 0
    private var deadline: Scheduled<Void>?
    private var isDone = false

    var result: EventLoopFuture<ProtocolID> { self.promise.futureResult }

    init(_ stream: any MuxedStream, machine: MultistreamDialer, protocols: [ProtocolID]) {
        self.stream = stream
        self.machine = machine
        self.protocols = protocols
        self.promise = stream.eventLoop.makePromise()
    }

    func start(timeout: TimeAmount) {
        self.deadline = self.stream.eventLoop.scheduleTask(in: timeout) { self.fail(.timedOut) }
        self.stream.write(self.machine.opening, promise: nil)
        self.stream.delegate = self
    }

    func streamReceived(_ data: ByteBuffer) {
        guard !self.isDone else { return }
        self.received += data.readableBytes
        switch self.machine.receive(data) {
        case .awaitMore:
            self.returnCredit(leftover: 0)
        case .send(let proposal):
            self.returnCredit(leftover: 0)
            self.stream.write(proposal, promise: nil)
        case .selected(let name, let leftover):
            self.finish()
            self.returnCredit(leftover: leftover.readableBytes)
            self.stream.delegate = nil
            if leftover.readableBytes > 0 {
                self.stream.unread(leftover)
            }
            self.promise.succeed(name)
        case .fail(.notSupported):
            self.fail(.protocolsNotSupported(self.protocols))
        case .fail:
            self.fail(.streamReset)
        }
    }

    func streamRemoteClosedWrite() {
        // No answer can follow.
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
