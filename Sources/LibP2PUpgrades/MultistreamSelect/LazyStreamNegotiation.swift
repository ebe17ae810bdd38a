import LibP2PCore
import NIOCore

/// One outbound stream that is used while the peer's confirmation is under way. It is the muxed stream's delegate until then
/// and passes on what the user's delegate must know meanwhile.
final class LazyStreamNegotiation: MuxedStreamDelegate, @unchecked Sendable {
    // Unchecked: created and used on the stream's event loop only; the timer's closure runs there too.

    private let stream: Stream
    private var machine: MultistreamDialer
    private var received = 0
    private var deadline: Scheduled<Void>?
    private var isDone = false

    init(_ stream: Stream, machine: MultistreamDialer) {
        self.stream = stream
        self.machine = machine
    }

    func start(timeout: TimeAmount) {
        self.deadline = self.stream.eventLoop.scheduleTask(in: timeout) { self.fail() }
        self.stream.muxed.write(self.machine.opening, promise: nil)
        self.stream.muxed.delegate = self
    }

    func streamReceived(_ data: ByteBuffer) {
        guard !self.isDone else { return }
        self.received += data.readableBytes
        switch self.machine.receive(data) {
        case .awaitMore:
            self.returnCredit(leftover: 0)
        case .selected(_, let leftover):
            self.finish()
            self.returnCredit(leftover: leftover.readableBytes)
            self.stream.muxed.delegate = nil
            if leftover.readableBytes > 0 {
                self.stream.muxed.unread(leftover)
            }
            self.stream.negotiationEnded()
        case .send, .fail:
            // There is no second proposal: the user's bytes stand behind the first.
            self.fail()
        }
    }

    func streamRemoteClosedWrite() {
        // No confirmation can follow.
        self.fail()
    }

    func streamWritabilityChanged(_ isWritable: Bool) {
        self.stream.delegate?.streamWritabilityChanged(isWritable)
    }

    func streamClosed(_ reason: StreamCloseReason) {
        guard !self.isDone else { return }
        self.finish()
        self.stream.negotiationEnded(closed: reason)
    }

    private func returnCredit(leftover: Int) {
        let taken = self.received - leftover
        self.received = 0
        if taken > 0 {
            self.stream.muxed.returnCredit(taken)
        }
    }

    private func fail() {
        guard !self.isDone else { return }
        self.finish()
        // Without a delegate the muxed stream holds its end for the user's.
        self.stream.muxed.delegate = nil
        self.stream.muxed.reset(.protocolNegotiationFailed)
        self.stream.negotiationEnded()
    }

    private func finish() {
        self.isDone = true
        self.deadline?.cancel()
        self.deadline = nil
    }
}
