import LibP2PCore
import NIOCore

/// One end of a muxed connection in memory.
final class FakeConnection: MuxedConnection {
    let eventLoop: any EventLoop
    let latency: TimeAmount
    var partner: FakeConnection?
    private(set) var streams: [FakeStream] = []
    private(set) var closeReason: ConnectionCloseReason?
    private var accepted: [FakeStream] = []
    private var nextID: UInt64
    private var isTold = false

    init(on eventLoop: any EventLoop, latency: TimeAmount, firstID: UInt64) {
        self.eventLoop = eventLoop
        self.latency = latency
        self.nextID = firstID
    }

    /// Two ends joined.
    static func pair(
        on eventLoop: any EventLoop,
        latency: TimeAmount
    ) -> (dialer: FakeConnection, listener: FakeConnection) {
        let dialer = FakeConnection(on: eventLoop, latency: latency, firstID: 1)
        let listener = FakeConnection(on: eventLoop, latency: latency, firstID: 2)
        dialer.partner = listener
        listener.partner = dialer
        return (dialer, listener)
    }

    var delegate: (any MuxedConnectionDelegate)? {
        didSet {
            let accepted = self.accepted
            self.accepted.removeAll()
            for stream in accepted { self.delegate?.muxerAcceptedStream(stream) }
            self.tellEnd()
        }
    }

    var streamCount: Int { self.streams.count }
    var roundTripTime: TimeAmount? { nil }

    /// How often `openStream` says that the backlog of unacknowledged streams is full.
    var backlogRefusals = 0

    func openStream() throws(MuxerError) -> any MuxedStream {
        guard self.closeReason == nil else { throw .connectionClosed }
        guard self.backlogRefusals == 0 else {
            self.backlogRefusals -= 1
            throw .ackBacklogFull
        }
        let stream = FakeStream(id: self.nextID, direction: .outbound, connection: self)
        self.nextID += 2
        self.streams.append(stream)
        self.afterLatency { self.partner?.accept(stream) }
        return stream
    }

    func close(_ code: ConnectionErrorCode) -> EventLoopFuture<Void> {
        self.afterLatency { self.partner?.end(.closedByPeer(code)) }
        self.end(.closedLocally(code))
        return self.eventLoop.makeSucceededVoidFuture()
    }

    func end(_ reason: ConnectionCloseReason) {
        guard self.closeReason == nil else { return }
        self.closeReason = reason
        for stream in self.streams { stream.end(.connectionClosed) }
        self.tellEnd()
    }

    func streamEnded(_ stream: FakeStream) {
        self.streams.removeAll { $0 === stream }
        self.delegate?.muxerStreamEnded(stream)
    }

    func afterLatency(_ body: @escaping () -> Void) {
        self.eventLoop.assumeIsolated().scheduleTask(in: self.latency, body)
    }

    private func accept(_ remote: FakeStream) {
        let stream = FakeStream(id: remote.id, direction: .inbound, connection: self)
        stream.partner = remote
        remote.partner = stream
        guard self.closeReason == nil, remote.endReason == nil else { return }
        self.streams.append(stream)
        if let delegate = self.delegate {
            delegate.muxerAcceptedStream(stream)
        } else {
            self.accepted.append(stream)
        }
    }

    private func tellEnd() {
        guard let reason = self.closeReason, let delegate = self.delegate, !self.isTold else { return }
        self.isTold = true
        delegate.muxerClosed(reason)
    }
}
