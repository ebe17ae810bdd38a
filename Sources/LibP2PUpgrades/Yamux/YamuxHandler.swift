import LibP2PCore
import NIOCore

/// Drives a Yamux connection at the end of a channel's pipeline.
///
/// Inbound bytes are cut into frames and handed on at once. What goes out is pulled: streams with something to send stand in
/// lists, and once per turn of the loop, and whenever the channel becomes writable, frames are made for as long as the
/// channel takes them. Delegates are told from the handler's own turns only, never from within calls of theirs.
final class YamuxHandler: ChannelDuplexHandler, MuxedConnection, @unchecked Sendable {
    // Unchecked: all state is touched on `eventLoop` only.

    typealias InboundIn = ByteBuffer
    typealias InboundOut = Never
    typealias OutboundIn = Never
    typealias OutboundOut = ByteBuffer

    /// How far the end of the connection is.
    enum Phase {
        case open
        /// GoAway is to be sent, or was, and the socket is to be closed; nothing inbound counts any more.
        case closing
        case closed
    }

    let eventLoop: any EventLoop
    let configuration: YamuxConfiguration
    let direction: Direction

    var context: ChannelHandlerContext?
    var phase = Phase.open
    var session: YamuxSessionMachine
    var pinger: YamuxPinger
    var statistics = YamuxStatistics()

    var streams: [UInt32: YamuxStream] = [:]
    // The stream of the last frame: bulk data looks nothing up.
    var lastStream: YamuxStream?

    // Inbound; see YamuxHandler+Inbound.
    var decoder = YamuxFrameDecoder()
    var heldInbound = ByteBuffer()
    var bodyStream: YamuxStream?
    var finFollowsBody = false
    var isProcessing = false
    var gathered = ByteBuffer()
    var gatherStream: YamuxStream?
    var isInReadCycle = false
    var hasHeardPeer = false
    var isReadSuppressed = false

    // Outbound; see YamuxHandler+Outbound.
    var readyStreams = YamuxQueue<YamuxStream>()
    var controlStreams = YamuxQueue<YamuxStream>()
    var notifyStreams = YamuxQueue<YamuxStream>()
    // Streams whose end the connection's delegate has not been told.
    var endedStreams = YamuxQueue<YamuxStream>()
    var staging = ByteBuffer()
    var stagingPromise: EventLoopPromise<Void>?
    var pendingPongs = 0
    var hasUnflushedBytes = false
    var isPumping = false
    var isTickScheduled = false
    // Made once: scheduling a turn allocates nothing.
    private var scheduledTick: @Sendable () -> Void = {}

    // Time and the end; see YamuxHandler+Closing.
    var timer: Scheduled<Void>?
    var timerDeadline = NIODeadline.distantFuture
    var writeDeadline: NIODeadline?
    var closeDeadline: NIODeadline?
    var goAwayCode: ConnectionErrorCode?
    var closeReason: ConnectionCloseReason?
    var closePromise: EventLoopPromise<Void>?
    var isDelegateToldEnd = false
    private var currentDelegate: (any MuxedConnectionDelegate)?

    init(eventLoop: any EventLoop, direction: Direction, configuration: YamuxConfiguration) {
        let now = eventLoop.now
        self.eventLoop = eventLoop
        self.direction = direction
        self.configuration = configuration
        self.session = YamuxSessionMachine(configuration: configuration, direction: direction, now: now)
        self.pinger = YamuxPinger(interval: configuration.pingInterval, timeout: configuration.pingTimeout, now: now)
        self.scheduledTick = { [weak self] in
            guard let self else { return }
            self.isTickScheduled = false
            self.isInReadCycle = false
            self.tick()
        }
    }

    var streamCount: Int { self.streams.count }

    var roundTripTime: TimeAmount? { self.pinger.roundTrip }

    var delegate: (any MuxedConnectionDelegate)? {
        get { self.currentDelegate }
        set {
            self.eventLoop.assertInEventLoop()
            self.currentDelegate = newValue
            if newValue != nil {
                self.scheduleTick()
            }
        }
    }

    func openStream() throws(MuxerError) -> any MuxedStream {
        self.eventLoop.assertInEventLoop()
        guard self.phase == .open else { throw .connectionClosed }
        switch self.session.openStream() {
        case .refuse(let error):
            throw error
        case .open(let number):
            let stream = YamuxStream(handler: self, number: number, direction: .outbound, now: self.eventLoop.now)
            self.streams[number] = stream
            self.streamHasControl(stream)
            return stream
        }
    }

    func close(_ code: ConnectionErrorCode) -> EventLoopFuture<Void> {
        self.eventLoop.assertInEventLoop()
        let promise = self.closePromise ?? self.eventLoop.makePromise(of: Void.self)
        self.closePromise = promise
        if self.phase == .closed {
            promise.succeed()
        } else {
            self.beginClose(.closedLocally(code), sending: code)
        }
        return promise.futureResult
    }
}

// MARK: The handler's life in the pipeline

extension YamuxHandler {
    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        // Also tells of a channel that ended before the handler came.
        context.channel.closeFuture.whenComplete { [weak self] _ in
            self?.channelEnded(.transportFailed("the channel was closed"))
        }
        self.scheduleTick()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.channelEnded(.transportFailed("the muxer was removed from the pipeline"))
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.channelEnded(.transportFailed("the connection ended without GoAway"))
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed = event {
            // Yamux has no use for half a connection.
            self.inputEnded()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.channelFailed(error)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            self.writeDeadline = nil
            // Within `pump` it is the loop there that goes on.
            if !self.isPumping {
                self.tick()
            }
        }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        if self.mayRead {
            context.read()
        } else {
            self.isReadSuppressed = true
        }
    }
}

// MARK: Turns

extension YamuxHandler {
    /// Makes sure that `tick` runs before the loop sleeps. Within a read cycle its end is the tick.
    @inline(__always)
    func scheduleTick() {
        guard !self.isTickScheduled, !self.isInReadCycle, self.phase != .closed || !self.isDelegateToldEnd else {
            return
        }
        self.isTickScheduled = true
        self.eventLoop.execute(self.scheduledTick)
    }

    /// A read cycle has begun. Should a handler below forget to tell its end, the turn comes all the same.
    @inline(__always)
    func beginReadCycle() {
        self.scheduleTick()
        self.isInReadCycle = true
    }

    /// One turn: sends what there is to send, tells the delegates what they have to know, goes on reading.
    func tick() {
        switch self.phase {
        case .open:
            self.checkDeadlines()
            self.pump()
            self.notifyDelegates()
            // What the delegates had to say leaves in the same turn.
            self.pump()
            self.endIfPeerIsDone()
            self.resumeInbound()
        case .closing:
            self.notifyDelegates()
            self.sendGoAway()
            self.resumeInbound()
        case .closed:
            self.notifyDelegates()
            self.tellEnd()
        }
        self.armTimer()
    }

    /// Tells the stream's delegate at the end of the turn.
    @inline(__always)
    func notifyLater(_ stream: YamuxStream) {
        guard !stream.isInNotifyList else { return }
        stream.isInNotifyList = true
        self.notifyStreams.append(stream)
        self.scheduleTick()
    }

    func notifyDelegates() {
        while true {
            if let stream = self.notifyStreams.popFirst() {
                stream.isInNotifyList = false
                stream.deliverOwed()
            } else if let delegate = self.delegate, let stream = self.endedStreams.popFirst() {
                delegate.muxerStreamEnded(stream)
            } else {
                return
            }
        }
    }
}
