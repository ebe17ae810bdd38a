import LibP2PCore
import LocalIPC
import NIOCore

/// Carries bytes between one local socket and one stream, both on the same event loop.
///
/// Reads pause while the stream cannot take more, and the stream's credit is returned when the socket has taken the bytes: so
/// at most one flow-control window and one read burst are held in memory, however slow either side is.
final class BridgeHandler: ChannelInboundHandler, @unchecked Sendable {
    // Unchecked: everything is used on the event loop that the channel and the stream share; closures that need
    // sendability run on it.

    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let limits: BridgeLimits
    private var machine = BridgeMachine()
    private var stream: Stream?
    private var context: ChannelHandlerContext?

    /// Delivered by the stream, not yet returned as credit.
    private var uncreditedBytes = 0
    private var discardedBytes = 0
    private var isReading = false
    private var isFlushScheduled = false
    private var timer: Scheduled<Void>?
    private var timerRemainingBytes = 0

    init(stream: Stream, limits: BridgeLimits) {
        self.stream = stream
        self.limits = limits
    }

    // MARK: Start

    /// Begins to carry bytes. The handler is in the channel's pipeline by now, unless the channel is closed already.
    ///
    /// - Parameters:
    ///   - toProgram: written to the program before anything of the stream.
    ///   - toStream: written to the stream before anything of the program.
    ///   - inputClosed: the program has ended its direction behind `toStream`.
    func start(toProgram: ByteBuffer?, toStream: ByteBuffer?, inputClosed: Bool) {
        guard let stream = self.stream else { return }
        if let toProgram, toProgram.readableBytes > 0, let context = self.context {
            context.write(self.wrapOutboundOut(toProgram), promise: nil)
            self.scheduleFlush()
        }
        if let toStream, toStream.readableBytes > 0 {
            stream.write(toStream)
        }
        stream.delegate = self
        if inputClosed {
            self.perform(self.machine.receiveLocalEnd())
        }
        guard let context = self.context, context.channel.isActive else {
            return self.perform(self.machine.receiveLocalGone())
        }
        self.readIfPossible()
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    // MARK: From the program

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = self.unwrapInboundIn(data)
        guard self.machine.forwardsInput, let stream = self.stream else {
            return self.discard(buffer.readableBytes)
        }
        stream.write(buffer)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.isReading = false
        self.readIfPossible()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent {
            self.perform(self.machine.receiveLocalEnd())
        }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            self.settleCredit()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.perform(self.machine.receiveLocalFailure())
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.context = nil
        self.cancelTimer()
        self.perform(self.machine.receiveLocalGone())
    }

    private func readIfPossible() {
        guard !self.isReading, let context = self.context else { return }
        guard !self.machine.forwardsInput || self.stream?.isWritable != false else { return }
        self.isReading = true
        context.read()
    }

    private func discard(_ bytes: Int) {
        self.discardedBytes = self.discardedBytes.addingReportingOverflow(bytes).partialValue
        if self.discardedBytes > self.limits.discardBytes {
            self.discardedBytes = 0
            self.perform(self.machine.discardingEnded())
        }
    }

    // MARK: To the program

    private func scheduleFlush() {
        guard !self.isFlushScheduled, let context = self.context else { return }
        self.isFlushScheduled = true
        // A burst of frames is one `writev`: tasks run after all that this turn of the loop has read.
        context.eventLoop.execute { self.flush() }
    }

    private func flush() {
        self.isFlushScheduled = false
        guard let context = self.context else { return }
        // A failed write closes the channel with whatever is unread in it, unless a read is pending. While reading is paused,
        // a program that has sent its last and left must not lose that: the hang-up event will read it first.
        if !self.isReading, LocalSocket.hasHungUp(context.channel) { return }
        context.flush()
        self.settleCredit()
    }

    /// Returns the credit of what the socket has taken.
    ///
    /// What stays below the channel's low-water mark is returned with the next flush: it is far less than half a window.
    private func settleCredit() {
        guard self.uncreditedBytes > 0, let stream = self.stream else { return }
        let taken = self.uncreditedBytes - self.queuedBytes
        guard taken > 0 else { return }
        self.uncreditedBytes -= taken
        stream.returnCredit(taken)
    }

    /// Bytes that the channel holds for the program.
    private var queuedBytes: Int {
        // An error means that the channel is closed and holds nothing.
        (try? self.context?.channel.syncOptions?.getOption(.bufferedWritableBytes)) ?? 0
    }
}

// MARK: - From the stream

extension BridgeHandler: MuxedStreamDelegate {
    func streamReceived(_ data: ByteBuffer) {
        // Without a program nothing is credited, so the peer is held back until the linger timer ends the stream.
        guard self.machine.forwardsOutput, let context = self.context else { return }
        self.uncreditedBytes += data.readableBytes
        context.write(self.wrapOutboundOut(data), promise: nil)
        self.scheduleFlush()
    }

    func streamRemoteClosedWrite() {
        self.perform(self.machine.receiveRemoteEnd())
    }

    func streamWritabilityChanged(_ isWritable: Bool) {
        if isWritable {
            self.readIfPossible()
        }
    }

    func streamClosed(_ reason: StreamCloseReason) {
        self.stream = nil
        self.uncreditedBytes = 0
        if self.context == nil {
            self.cancelTimer()
        }
        self.perform(self.machine.receiveStreamEnd())
        // What the program still sends is dropped, but it has to be read for its end to be seen.
        self.readIfPossible()
    }
}

// MARK: - Actions

extension BridgeHandler {
    private func perform(_ actions: BridgeMachine.Actions) {
        if actions.contains(.closeStreamWrite) { self.stream?.closeWrite() }
        if actions.contains(.resetStream) { self.stream?.reset(.noError) }
        if actions.contains(.drainOutput) { self.drainOutput() }
        if actions.contains(.shutDownOutput) { self.context?.close(mode: .output, promise: nil) }
        if actions.contains(.discardInput) { self.startDiscarding() }
        if actions.contains(.closeLocal) { self.context?.close(promise: nil) }
        if actions.contains(.hangUpLocal) { self.hangUp() }
        if actions.contains(.linger) { self.startLingering() }
    }

    private func drainOutput() {
        guard let context = self.context else { return }
        context.flush()
        if self.queuedBytes == 0 {
            return self.perform(self.machine.outputDrained())
        }
        let drained = context.eventLoop.makePromise(of: Void.self)
        drained.futureResult.assumeIsolated().whenSuccess { self.perform(self.machine.outputDrained()) }
        context.writeAndFlush(self.wrapOutboundOut(ByteBuffer()), promise: drained)
    }

    private func startDiscarding() {
        guard let context = self.context, self.timer == nil else { return }
        self.timer = context.eventLoop.assumeIsolated().scheduleTask(in: self.limits.discardTime) {
            self.timer = nil
            self.perform(self.machine.discardingEnded())
        }
        self.readIfPossible()
    }

    private func hangUp() {
        guard let context = self.context else { return }
        LocalSocket.shutdownBoth(context.channel)
    }

    private func startLingering() {
        guard let stream = self.stream else { return }
        let remaining = stream.muxed.pendingWriteBytes
        self.timerRemainingBytes = remaining
        self.timer = stream.eventLoop.assumeIsolated().scheduleTask(in: self.limits.lingerInterval) {
            self.timer = nil
            self.lingered()
        }
    }

    private func lingered() {
        guard let stream = self.stream else { return }
        if stream.muxed.pendingWriteBytes < self.timerRemainingBytes {
            self.startLingering()
        } else {
            self.perform(self.machine.lingeringEnded())
        }
    }

    private func cancelTimer() {
        self.timer?.cancel()
        self.timer = nil
    }
}
