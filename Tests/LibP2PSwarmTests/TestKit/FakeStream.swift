import LibP2PCore
import NIOCore

/// One end of a stream in memory. It keeps the contract of `MuxedStream` but for flow control.
final class FakeStream: MuxedStream {
    let id: UInt64
    let direction: Direction
    unowned let connection: FakeConnection
    var partner: FakeStream?
    private(set) var endReason: StreamCloseReason?
    private var held: [ByteBuffer] = []
    private var remoteClosedWrite = false
    private var toldRemoteClosedWrite = false
    private var toldEnd = false
    private var closedWrite = false

    init(id: UInt64, direction: Direction, connection: FakeConnection) {
        self.id = id
        self.direction = direction
        self.connection = connection
    }

    var eventLoop: any EventLoop { self.connection.eventLoop }
    var isWritable: Bool { true }
    var pendingWriteBytes: Int { 0 }

    var delegate: (any MuxedStreamDelegate)? {
        didSet { self.deliver() }
    }

    func write(_ data: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard self.endReason == nil, !self.closedWrite else {
            promise?.fail(MuxerError.streamClosed)
            return
        }
        self.connection.afterLatency { self.partner?.receive(data) }
        promise?.succeed()
    }

    func closeWrite() {
        guard self.endReason == nil, !self.closedWrite else { return }
        self.closedWrite = true
        self.connection.afterLatency { self.partner?.receiveCloseWrite() }
        self.finishIfDone()
    }

    func reset(_ code: StreamErrorCode) {
        guard self.endReason == nil else { return }
        self.connection.afterLatency { self.partner?.end(.resetByPeer(code)) }
        self.end(.resetLocally(code))
    }

    func returnCredit(_ bytes: Int) {}

    func unread(_ data: ByteBuffer) {
        self.held.insert(data, at: 0)
    }

    func end(_ reason: StreamCloseReason) {
        guard self.endReason == nil else { return }
        self.endReason = reason
        if case .finished = reason {} else { self.held.removeAll() }
        self.deliver()
        self.connection.streamEnded(self)
    }

    private func receive(_ data: ByteBuffer) {
        guard self.endReason == nil else { return }
        self.held.append(data)
        self.deliver()
    }

    private func receiveCloseWrite() {
        self.remoteClosedWrite = true
        self.deliver()
        self.finishIfDone()
    }

    private func finishIfDone() {
        if self.closedWrite, self.remoteClosedWrite { self.end(.finished) }
    }

    private func deliver() {
        while self.delegate != nil, !self.held.isEmpty {
            let data = self.held.removeFirst()
            self.delegate?.streamReceived(data)
        }
        guard let delegate = self.delegate else { return }
        if self.remoteClosedWrite, !self.toldRemoteClosedWrite {
            self.toldRemoteClosedWrite = true
            delegate.streamRemoteClosedWrite()
        }
        guard let delegate = self.delegate, let reason = self.endReason, !self.toldEnd else { return }
        self.toldEnd = true
        delegate.streamClosed(reason)
    }
}
