import LibP2PCore
import NIOCore

// MARK: Deadlines

extension YamuxHandler {
    func noteUnwritable() {
        guard self.writeDeadline == nil else { return }
        self.writeDeadline = self.eventLoop.now + self.configuration.writeTimeout
    }

    private var nextDeadline: NIODeadline {
        switch self.phase {
        case .open: min(self.pinger.nextDeadline, self.writeDeadline ?? .distantFuture)
        case .closing: self.closeDeadline ?? .distantFuture
        case .closed: .distantFuture
        }
    }

    /// The timer may fire early but never late: a deadline that moves back costs nothing.
    func armTimer() {
        let deadline = self.nextDeadline
        guard deadline < self.timerDeadline else { return }
        self.timer?.cancel()
        self.timerDeadline = deadline
        self.timer = self.eventLoop.scheduleTask(deadline: deadline) { [weak self] in
            guard let self else { return }
            self.timer = nil
            self.timerDeadline = .distantFuture
            self.tick()
        }
    }

    func checkDeadlines() {
        // Most turns need no clock: the timer says when something is due.
        guard self.timer == nil else { return }
        let now = self.eventLoop.now
        if let deadline = self.writeDeadline, now >= deadline {
            return self.cut(.transportFailed("the peer took no bytes for too long"))
        }
        // A peer that we do not read from cannot be heard.
        let hasHeardPeer = self.hasHeardPeer || !self.mayRead
        switch self.pinger.deadlineReached(now: now, hasHeardPeer: hasHeardPeer) {
        case .none:
            break
        case .sendPing(let value):
            self.hasHeardPeer = false
            self.stage(YamuxHeader(type: .ping, flags: .syn, streamID: 0, length: value))
        case .connectionLost:
            self.cut(.transportFailed("the peer answered no keep-alive"))
        }
    }
}

// MARK: The end

extension YamuxHandler {
    func fail(_ violation: YamuxViolation) {
        self.beginClose(.protocolViolation(violation.description), sending: .yamuxProtocolError)
    }

    /// Ends all streams; GoAway and the socket's end follow in the next turn.
    func beginClose(_ reason: ConnectionCloseReason, sending code: ConnectionErrorCode?) {
        guard self.phase == .open else { return }
        self.phase = .closing
        self.closeReason = reason
        self.goAwayCode = code
        self.closeDeadline = self.eventLoop.now + self.configuration.closeTimeout
        self.endStreams()
        self.scheduleTick()
    }

    func sendGoAway() {
        guard let deadline = self.closeDeadline, self.eventLoop.now < deadline else {
            return self.cutSocket()
        }
        guard let code = self.goAwayCode else { return }
        self.goAwayCode = nil
        self.stage(YamuxHeader(type: .goAway, flags: [], streamID: 0, length: code.rawValue))
        let promise = self.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenComplete { _ in
            self.endOutput()
        }
        self.writeLastWords(promise: promise)
    }

    /// Ends our direction of the socket and waits for the peer to end its own; the close deadline bounds that.
    ///
    /// A socket closed while unread bytes are in it is reset, and the peer might lose the GoAway that is on its way.
    private func endOutput() {
        guard let context = self.context else { return }
        let promise = self.eventLoop.makePromise(of: Void.self)
        promise.futureResult.whenFailure { _ in
            self.context?.close(promise: nil)
        }
        context.close(mode: .output, promise: promise)
    }

    /// Ends the connection without a word, or the wait for its end.
    private func cut(_ reason: ConnectionCloseReason) {
        self.beginClose(reason, sending: nil)
        self.cutSocket()
    }

    /// Closes the socket itself: a secure channel above it might wait for an answer to its own farewell.
    private func cutSocket() {
        guard let context = self.context else { return }
        let closer = YamuxSocketCloser()
        do {
            try context.channel.pipeline.syncOperations.addHandler(closer, position: .first)
            closer.closeSocket()
        } catch {
            context.channel.close(promise: nil)
        }
    }

    /// After the peer's GoAway the connection lives as long as its last stream.
    func endIfPeerIsDone() {
        guard self.phase == .open, let code = self.session.remoteGoAway, self.streams.isEmpty else { return }
        self.beginClose(.closedByPeer(code), sending: .noError)
    }

    func inputEnded() {
        self.cut(self.orGoodbye(.transportFailed("the connection ended without GoAway")))
    }

    func channelFailed(_ error: any Error) {
        switch error {
        case is IOError, is ChannelError:
            self.cut(self.orGoodbye(.transportFailed(String(describing: error))))
        case _ where self.context?.channel.isActive != true:
            // A secure channel that was cut within a record complains of it; the peer may not be to blame.
            self.cut(self.orGoodbye(.transportFailed(String(describing: error))))
        default:
            // The handlers below speak up only when the secure channel was broken.
            self.cut(self.orGoodbye(.protocolViolation(String(describing: error))))
        }
    }

    /// After the peer's GoAway, how the socket ends is of no interest.
    private func orGoodbye(_ reason: ConnectionCloseReason) -> ConnectionCloseReason {
        self.session.remoteGoAway.map { .closedByPeer($0) } ?? reason
    }

    /// The channel is gone. The first reason known stands.
    func channelEnded(_ reason: ConnectionCloseReason) {
        guard self.phase != .closed else { return }
        if self.closeReason == nil {
            self.closeReason = self.orGoodbye(reason)
        }
        self.phase = .closed
        self.endStreams()
        self.timer?.cancel()
        self.timer = nil
        let promise = self.stagingPromise
        self.stagingPromise = nil
        self.staging = ByteBuffer()
        self.heldInbound = ByteBuffer()
        promise?.fail(MuxerError.connectionClosed)
        self.notifyDelegates()
        self.tellEnd()
        self.closePromise?.succeed()
    }

    private func endStreams() {
        let ended = self.streams
        self.streams = [:]
        self.lastStream = nil
        self.bodyStream = nil
        self.gatherStream = nil
        self.gathered = ByteBuffer()
        for stream in ended.values {
            stream.machine.abort()
            stream.end(.connectionClosed)
            self.endedStreams.append(stream)
            self.notifyLater(stream)
        }
        while let stream = self.readyStreams.popFirst() { stream.isInReadyList = false }
        while let stream = self.controlStreams.popFirst() { stream.isInControlList = false }
    }

    /// Tells the delegate that all is over, once there is one.
    func tellEnd() {
        guard self.phase == .closed, !self.isDelegateToldEnd, let delegate = self.delegate else { return }
        self.isDelegateToldEnd = true
        self.delegate = nil
        delegate.muxerClosed(self.closeReason ?? .transportFailed("the channel was closed"))
    }
}

/// Stands before all other handlers for a moment to close the socket past them.
private final class YamuxSocketCloser: ChannelOutboundHandler {
    typealias OutboundIn = Never

    private var context: ChannelHandlerContext?

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
    }

    func closeSocket() {
        self.context?.close(mode: .all, promise: nil)
    }
}
