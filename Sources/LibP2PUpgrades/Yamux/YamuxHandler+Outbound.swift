import LibP2PCore
import NIOCore

// MARK: What wants to leave

extension YamuxHandler {
    /// Queued data, the window or both have grown.
    @inline(__always)
    func streamHasData(_ stream: YamuxStream) {
        guard !stream.isInReadyList, stream.canSendData else { return }
        stream.isInReadyList = true
        self.readyStreams.append(stream)
        self.scheduleTick()
    }

    /// A frame without body may be due: SYN, ACK, FIN or window update. There is at most one of each.
    @inline(__always)
    func streamHasControl(_ stream: YamuxStream) {
        guard !stream.isInControlList else { return }
        stream.isInControlList = true
        self.controlStreams.append(stream)
        self.scheduleTick()
    }

    func stageReset(_ number: UInt32, _ code: StreamErrorCode) {
        self.stage(YamuxHeader(type: .windowUpdate, flags: .rst, streamID: number, length: code.rawValue))
    }

    /// Puts a frame without body behind what is staged.
    @inline(__always)
    func stage(_ header: YamuxHeader, bodyBytes: Int = 0) {
        if self.staging.capacity == 0, let context = self.context {
            self.staging = context.channel.allocator.buffer(capacity: max(YamuxHeader.byteCount + bodyBytes, 240))
        }
        self.staging.writeMultipleIntegers(header.high, header.low)
        self.scheduleTick()
    }
}

// MARK: Leaving

extension YamuxHandler {
    /// Makes frames for as long as the channel takes them; answers and window updates first, then data, each stream in turn.
    func pump() {
        guard self.phase == .open, !self.isPumping, let context = self.context else { return }
        self.isPumping = true
        while self.phase == .open, self.hasSomethingToSend {
            guard context.channel.isWritable else {
                self.noteUnwritable()
                break
            }
            self.pumpControl()
            var left = self.configuration.outboundBatchBytes
            while left > 0, let stream = self.readyStreams.popFirst() {
                stream.isInReadyList = false
                left -= self.sendFrame(of: stream, context)
            }
            self.writeStaging(context)
            if self.hasUnflushedBytes {
                self.hasUnflushedBytes = false
                context.flush()
            }
        }
        self.isPumping = false
    }

    private var hasSomethingToSend: Bool {
        self.staging.readableBytes > 0 || !self.readyStreams.isEmpty || !self.controlStreams.isEmpty
    }

    private func pumpControl() {
        // Only those that stand there now: nothing below adds to the list.
        while let stream = self.controlStreams.popFirst() {
            stream.isInControlList = false
            guard stream.handler != nil else { continue }
            self.sendControl(of: stream)
        }
    }

    private func sendControl(of stream: YamuxStream) {
        guard let header = stream.machine.nextControlFrame(queuedBytes: stream.pendingWriteBytes) else { return }
        self.stage(header)
        if stream.machine.hasEnded {
            self.forget(stream, .finished, lateBytes: 0)
            self.notifyLater(stream)
        }
    }

    /// Sends one data frame; returns the bytes it took.
    private func sendFrame(of stream: YamuxStream, _ context: ChannelHandlerContext) -> Int {
        guard stream.handler != nil,
            let header = stream.machine.nextDataFrame(
                queuedBytes: stream.pendingWriteBytes,
                limit: self.configuration.maxFramePayloadBytes
            )
        else { return 0 }
        let length = Int(header.length)
        if length > Self.combinedLimit, var write = stream.takeWholeWrite(length: length) {
            // There is room in front of the body: the frame becomes one buffer without a copy.
            write.data.moveReaderIndex(to: write.data.readerIndex - YamuxHeader.byteCount)
            write.data.setInteger(header.high, at: write.data.readerIndex)
            write.data.setInteger(header.low, at: write.data.readerIndex + 8)
            self.writeStaging(context)
            self.write(write.data, write.promise, context)
        } else {
            self.stage(header, bodyBytes: length <= Self.combinedLimit ? length : 0)
            self.sendBody(of: stream, length: length, context)
        }
        if stream.canSendData {
            stream.isInReadyList = true
            self.readyStreams.append(stream)
        } else if stream.pendingWriteBytes == 0, !stream.machine.send.isOpen {
            self.sendControl(of: stream)
        }
        return length + YamuxHeader.byteCount
    }

    private func sendBody(of stream: YamuxStream, length: Int, _ context: ChannelHandlerContext) {
        var left = length
        while let piece = stream.takePiece(limit: left) {
            let count = piece.data.readableBytes
            left -= count
            if count <= Self.combinedLimit {
                self.staging.writeImmutableBuffer(piece.data)
                self.addStagingPromise(piece.promise)
            } else {
                self.writeStaging(context)
                self.write(piece.data, piece.promise, context)
            }
        }
    }

    /// Bodies up to this size are copied behind their header: the handlers below then see fewer buffers.
    private static let combinedLimit = 2048

    private func addStagingPromise(_ promise: EventLoopPromise<Void>?) {
        guard let promise else { return }
        if let first = self.stagingPromise {
            first.futureResult.cascade(to: promise)
        } else {
            self.stagingPromise = promise
        }
    }

    private func writeStaging(_ context: ChannelHandlerContext) {
        guard self.staging.readableBytes > 0 else { return }
        let (bytes, promise) = (self.staging, self.stagingPromise)
        self.staging = ByteBuffer()
        self.stagingPromise = nil
        self.pendingPongs = 0
        self.write(bytes, promise, context)
    }

    @inline(__always)
    private func write(_ bytes: ByteBuffer, _ promise: EventLoopPromise<Void>?, _ context: ChannelHandlerContext) {
        self.hasUnflushedBytes = true
        context.write(self.wrapOutboundOut(bytes), promise: promise)
    }

    /// Writes what is staged and flushes, writable or not: the last words before the end.
    func writeLastWords(promise: EventLoopPromise<Void>?) {
        guard let context = self.context else {
            promise?.fail(MuxerError.connectionClosed)
            return
        }
        self.addStagingPromise(promise)
        self.writeStaging(context)
        context.flush()
    }
}
