import LibP2PCore
import NIOCore

/// One end of a stream in memory; what one end writes, the other receives in the next turn of the loop.
final class MemoryStream: MuxedStream, @unchecked Sendable {
    // Unchecked: used on its event loop only, which a test drives from one thread.

    private enum Event {
        case closed(StreamCloseReason)
        case data(ByteBuffer)
        case end
    }

    let id: UInt64
    let eventLoop: any EventLoop
    let direction: Direction
    private(set) var isEnded = false
    private(set) var isWriteClosed = false
    private(set) var resetCode: StreamErrorCode?
    /// Delivered bytes that the receiver has not returned.
    private(set) var owedCredit = 0
    private var isRemoteClosed = false
    private var held: [Event] = []
    private var peer: MemoryStream?

    private init(id: UInt64, eventLoop: any EventLoop, direction: Direction) {
        self.id = id
        self.eventLoop = eventLoop
        self.direction = direction
    }

    /// Two ends of one stream: the opener's and the other's.
    static func pair(on loop: any EventLoop) -> (opener: MemoryStream, acceptor: MemoryStream) {
        let opener = MemoryStream(id: 1, eventLoop: loop, direction: .outbound)
        let acceptor = MemoryStream(id: 1, eventLoop: loop, direction: .inbound)
        opener.peer = acceptor
        acceptor.peer = opener
        return (opener, acceptor)
    }

    var delegate: (any MuxedStreamDelegate)? {
        didSet {
            while self.delegate != nil, !self.held.isEmpty {
                self.give(self.held.removeFirst())
            }
        }
    }

    var otherEnd: MemoryStream? { self.peer }
    var isWritable: Bool { true }
    var pendingWriteBytes: Int { 0 }

    func write(_ data: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard !self.isEnded, !self.isWriteClosed else {
            promise?.fail(NetworkError.connectionClosed)
            return
        }
        self.eventLoop.execute {
            if data.readableBytes > 0 {
                self.peer?.receive(.data(data))
            }
            promise?.succeed()
        }
    }

    func closeWrite() {
        guard !self.isEnded, !self.isWriteClosed else { return }
        self.isWriteClosed = true
        self.eventLoop.execute {
            self.peer?.remoteClosed()
            self.endWhenFinished()
        }
    }

    func reset(_ code: StreamErrorCode) {
        guard !self.isEnded else { return }
        self.isEnded = true
        self.resetCode = code
        self.eventLoop.execute {
            self.receive(.closed(.resetLocally(code)))
            self.peer?.remoteReset(code)
        }
    }

    func returnCredit(_ bytes: Int) {
        self.owedCredit -= bytes
    }

    func unread(_ data: ByteBuffer) {
        self.held.insert(.data(data), at: 0)
    }

    private func remoteClosed() {
        guard !self.isEnded else { return }
        self.isRemoteClosed = true
        self.receive(.end)
        self.endWhenFinished()
    }

    private func remoteReset(_ code: StreamErrorCode) {
        guard !self.isEnded else { return }
        self.isEnded = true
        self.receive(.closed(.resetByPeer(code)))
    }

    private func endWhenFinished() {
        guard self.isWriteClosed, self.isRemoteClosed, !self.isEnded else { return }
        self.isEnded = true
        self.receive(.closed(.finished))
    }

    private func receive(_ event: Event) {
        if self.delegate == nil || !self.held.isEmpty {
            self.held.append(event)
        } else {
            self.give(event)
        }
    }

    private func give(_ event: Event) {
        switch event {
        case .closed(let reason): self.delegate?.streamClosed(reason)
        case .data(let data):
            self.owedCredit += data.readableBytes
            self.delegate?.streamReceived(data)
        case .end: self.delegate?.streamRemoteClosedWrite()
        }
    }
}

/// Remembers what a stream delivers.
final class StreamRecorder: MuxedStreamDelegate, @unchecked Sendable {
    // Unchecked: used on one event loop, which a test drives from one thread.

    private(set) var received = ByteBuffer()
    private(set) var isRemoteClosed = false
    private(set) var closeReason: StreamCloseReason?

    func streamReceived(_ data: ByteBuffer) {
        self.received.writeImmutableBuffer(data)
    }

    func streamRemoteClosedWrite() {
        self.isRemoteClosed = true
    }

    func streamWritabilityChanged(_ isWritable: Bool) {}

    func streamClosed(_ reason: StreamCloseReason) {
        self.closeReason = reason
    }
}
