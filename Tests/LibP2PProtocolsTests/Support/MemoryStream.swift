import LibP2PCore
import NIOCore

/// One end of a stream in memory, with a receive window as a muxer has it.
// Unchecked: a test uses one thread.
final class MemoryStream: MuxedStream, @unchecked Sendable {
    let id: UInt64
    let eventLoop: any EventLoop
    let direction: Direction

    /// What this end may still send.
    private(set) var sendWindow: Int
    private(set) var resetCode: StreamErrorCode?
    private(set) var hasEnded = false
    private var other: MemoryStream?
    private var unsent: [(data: ByteBuffer, promise: EventLoopPromise<Void>?)] = []
    private var held: [Event] = []
    private var hasClosedWrite = false
    private var hasSentEnd = false
    private var hasReceivedEnd = false
    private var isDelivering = false

    private enum Event {
        case data(ByteBuffer)
        case remoteClosedWrite
        case closed(StreamCloseReason)
    }

    private init(id: UInt64, eventLoop: any EventLoop, direction: Direction, window: Int) {
        self.id = id
        self.eventLoop = eventLoop
        self.direction = direction
        self.sendWindow = window
    }

    /// The opener's and the accepter's end.
    static func pair(
        id: UInt64 = 1,
        on eventLoop: any EventLoop,
        window: Int = 262_144
    ) -> (outbound: MemoryStream, inbound: MemoryStream) {
        let outbound = MemoryStream(id: id, eventLoop: eventLoop, direction: .outbound, window: window)
        let inbound = MemoryStream(id: id, eventLoop: eventLoop, direction: .inbound, window: window)
        outbound.other = inbound
        inbound.other = outbound
        return (outbound, inbound)
    }

    var delegate: (any MuxedStreamDelegate)? {
        didSet { self.deliver() }
    }

    var isWritable: Bool { self.pendingWriteBytes < 65_536 }
    var pendingWriteBytes: Int { self.unsent.reduce(0) { $0 + $1.data.readableBytes } }

    func write(_ data: ByteBuffer, promise: EventLoopPromise<Void>?) {
        guard !self.hasEnded, !self.hasClosedWrite else {
            promise?.fail(MuxerError.streamClosed)
            return
        }
        self.unsent.append((data, promise))
        self.flush()
    }

    func closeWrite() {
        guard !self.hasEnded, !self.hasClosedWrite else { return }
        self.hasClosedWrite = true
        self.flush()
    }

    func reset(_ code: StreamErrorCode) {
        guard !self.hasEnded else { return }
        self.resetCode = code
        self.end(.resetLocally(code))
        if let other, !other.hasEnded {
            other.end(.resetByPeer(code))
        }
    }

    /// As when the connection under the stream goes.
    func failConnection() {
        self.end(.connectionClosed)
    }

    func returnCredit(_ bytes: Int) {
        guard let other else { return }
        self.eventLoop.execute {
            other.sendWindow += bytes
            other.flush()
        }
    }

    func unread(_ data: ByteBuffer) {
        self.held.insert(.data(data), at: 0)
    }

    private func flush() {
        while self.sendWindow > 0, let first = self.unsent.first {
            var data = first.data
            let promise = first.promise
            let slice = data.readSlice(length: min(self.sendWindow, data.readableBytes))
            self.unsent.removeFirst()
            if data.readableBytes > 0 {
                self.unsent.insert((data, promise), at: 0)
            } else {
                self.eventLoop.execute { promise?.succeed() }
            }
            guard let slice, slice.readableBytes > 0 else { continue }
            self.sendWindow -= slice.readableBytes
            self.other?.receive(.data(slice))
        }
        if self.hasClosedWrite, self.unsent.isEmpty, !self.hasSentEnd {
            self.hasSentEnd = true
            self.other?.receive(.remoteClosedWrite)
            self.endIfFinished()
        }
    }

    private func receive(_ event: Event) {
        self.eventLoop.execute {
            guard !self.hasEnded else { return }
            self.held.append(event)
            if case .remoteClosedWrite = event { self.hasReceivedEnd = true }
            self.deliver()
            self.endIfFinished()
        }
    }

    private func endIfFinished() {
        if self.hasReceivedEnd, self.hasSentEnd, !self.hasEnded {
            self.end(.finished)
        }
    }

    private func end(_ reason: StreamCloseReason) {
        guard !self.hasEnded else { return }
        self.hasEnded = true
        for (_, promise) in self.unsent {
            promise?.fail(MuxerError.streamClosed)
        }
        self.unsent = []
        self.held.append(.closed(reason))
        self.eventLoop.execute { self.deliver() }
    }

    private func deliver() {
        guard !self.isDelivering else { return }
        self.isDelivering = true
        defer { self.isDelivering = false }
        while let delegate = self.delegate, !self.held.isEmpty {
            switch self.held.removeFirst() {
            case .data(let data): delegate.streamReceived(data)
            case .remoteClosedWrite: delegate.streamRemoteClosedWrite()
            case .closed(let reason):
                self.delegate = nil
                delegate.streamClosed(reason)
            }
        }
    }
}

/// Keeps what happens on a stream.
final class RecordingDelegate: MuxedStreamDelegate {
    let stream: any MuxedStream
    let returnsCredit: Bool
    private(set) var received: [UInt8] = []
    private(set) var remoteClosedWrite = false
    private(set) var closeReason: StreamCloseReason?

    init(_ stream: any MuxedStream, returnsCredit: Bool = true) {
        self.stream = stream
        self.returnsCredit = returnsCredit
        stream.delegate = self
    }

    func streamReceived(_ data: ByteBuffer) {
        self.received += data.readableBytesView
        if self.returnsCredit {
            self.stream.returnCredit(data.readableBytes)
        }
    }

    func streamRemoteClosedWrite() { self.remoteClosedWrite = true }
    func streamWritabilityChanged(_ isWritable: Bool) {}
    func streamClosed(_ reason: StreamCloseReason) { self.closeReason = reason }
}
