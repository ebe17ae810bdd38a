public import LibP2PCore
public import NIOCore

/// One Yamux stream. Confined to its connection's event loop.
///
/// Holds its connection until it has ended, and the connection holds it as long.
public final class YamuxStream: MuxedStream {
    public let eventLoop: any EventLoop
    public let direction: Direction

    // nil from the moment the stream has ended.
    private(set) var handler: YamuxHandler?
    var machine: YamuxStreamMachine

    private var queue = YamuxQueue<PendingWrite>()
    public private(set) var pendingWriteBytes = 0
    private var isBelowHighWater = true
    // Set by every change, even one that is undone in the same turn: who saw `isWritable` false waits to be told.
    private var owesWritability = false

    private var held = YamuxHeldData()
    private var currentDelegate: (any MuxedStreamDelegate)?
    private var owesRemoteClosedWrite = false
    private var owedClose: StreamCloseReason?

    // Whether the stream stands in the handler's lists; the handler alone changes these.
    var isInReadyList = false
    var isInControlList = false
    var isInNotifyList = false

    init(handler: YamuxHandler, number: UInt32, direction: Direction, now: NIODeadline) {
        self.handler = handler
        self.eventLoop = handler.eventLoop
        self.direction = direction
        self.machine = YamuxStreamMachine(number: number, direction: direction, now: now)
    }

    public var id: UInt64 { UInt64(self.machine.number) }

    public var isWritable: Bool { self.isBelowHighWater && self.handler != nil }

    public var delegate: (any MuxedStreamDelegate)? {
        get { self.currentDelegate }
        set {
            self.eventLoop.assertInEventLoop()
            self.currentDelegate = newValue
            self.deliverOwed()
        }
    }

    public func write(_ data: ByteBuffer, promise: EventLoopPromise<Void>?) {
        self.eventLoop.assertInEventLoop()
        guard let handler = self.handler, self.machine.send.isOpen else {
            promise?.fail(MuxerError.streamClosed)
            return
        }
        guard data.readableBytes > 0 || !self.queue.isEmpty else {
            promise?.succeed()
            return
        }
        self.queue.append(PendingWrite(data: data, promise: promise))
        self.pendingWriteBytes += data.readableBytes
        if self.isBelowHighWater, self.pendingWriteBytes > handler.configuration.writeHighWaterBytes {
            self.isBelowHighWater = false
            self.owesWritability = true
            handler.notifyLater(self)
        }
        handler.streamHasData(self)
    }

    public func closeWrite() {
        self.eventLoop.assertInEventLoop()
        guard let handler = self.handler, self.machine.closeWrite() else { return }
        handler.streamHasControl(self)
    }

    public func reset(_ code: StreamErrorCode) {
        self.eventLoop.assertInEventLoop()
        self.handler?.resetLocally(self, code)
    }

    public func returnCredit(_ bytes: Int) {
        self.eventLoop.assertInEventLoop()
        self.handler?.returnCredit(self, bytes)
    }

    public func unread(_ data: ByteBuffer) {
        self.eventLoop.assertInEventLoop()
        assert(self.currentDelegate == nil, "bytes are put back while a delegate is set")
        self.held.prepend(data)
    }
}

/// Bytes accepted by `write`, with the promise for the last of them.
struct PendingWrite {
    var data: ByteBuffer
    var promise: EventLoopPromise<Void>?
}

// MARK: What arrives

extension YamuxStream {
    /// Hands a piece of a body to the delegate, or holds it.
    @inline(__always)
    func receive(_ data: ByteBuffer) {
        if let delegate = self.currentDelegate, self.held.isEmpty {
            delegate.streamReceived(data)
        } else {
            self.held.append(data)
            self.deliverOwed()
        }
    }

    func receiveFIN() {
        self.owesRemoteClosedWrite = true
        self.deliverOwed()
    }

    /// Tells the delegate, if there is one, everything it has not been told, in order.
    ///
    /// A delegate may set another delegate, or none, while it is told something: every step looks anew.
    func deliverOwed() {
        while let delegate = self.currentDelegate {
            if let data = self.held.popFirst() {
                delegate.streamReceived(data)
            } else if self.owesRemoteClosedWrite {
                self.owesRemoteClosedWrite = false
                delegate.streamRemoteClosedWrite()
            } else if self.owedClose == nil, self.owesWritability {
                self.owesWritability = false
                delegate.streamWritabilityChanged(self.isBelowHighWater)
            } else if let reason = self.owedClose {
                self.owedClose = nil
                self.currentDelegate = nil
                delegate.streamClosed(reason)
            } else {
                return
            }
        }
    }

    /// The stream has ended: lets go of the connection and drops what was queued. The delegate is told by `deliverOwed`.
    func end(_ reason: StreamCloseReason) {
        guard self.handler != nil else { return }
        self.handler = nil
        self.owedClose = reason
        if case .resetLocally = reason {
            self.held = YamuxHeldData()
            self.owesRemoteClosedWrite = false
        }
        var dropped = self.queue
        self.queue = YamuxQueue()
        self.pendingWriteBytes = 0
        while let write = dropped.popFirst() {
            write.promise?.fail(MuxerError.streamClosed)
        }
    }
}

// MARK: What leaves

extension YamuxStream {
    /// Whether a frame could leave now.
    @inline(__always)
    var canSendData: Bool { self.pendingWriteBytes > 0 && self.machine.send.windowBytes > 0 }

    /// The size of the first queued write if it has just the size of the frame and room in front for a header.
    func takeWholeWrite(length: Int) -> PendingWrite? {
        guard let first = self.queue.first, first.data.readableBytes == length,
            first.data.readerIndex >= YamuxHeader.byteCount
        else { return nil }
        self.bytesLeave(length)
        return self.queue.popFirst()
    }

    /// Takes the next piece of what is queued, at most `limit` bytes; also an empty one that only carries a promise.
    func takePiece(limit: Int) -> PendingWrite? {
        guard let size = self.queue.first?.data.readableBytes else { return nil }
        if size <= limit {
            self.bytesLeave(size)
            return self.queue.popFirst()
        }
        guard limit > 0, let piece = self.queue.withFirst({ $0.data.readSlice(length: limit) }) ?? nil else {
            return nil
        }
        self.bytesLeave(limit)
        return PendingWrite(data: piece, promise: nil)
    }

    @inline(__always)
    private func bytesLeave(_ count: Int) {
        self.pendingWriteBytes -= count
        guard !self.isBelowHighWater, let handler = self.handler,
            self.pendingWriteBytes <= handler.configuration.writeLowWaterBytes
        else { return }
        self.isBelowHighWater = true
        self.owesWritability = true
        handler.notifyLater(self)
    }
}
