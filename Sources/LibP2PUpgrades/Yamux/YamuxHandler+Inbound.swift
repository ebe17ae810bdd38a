import LibP2PCore
import NIOCore

// MARK: From bytes to frames

extension YamuxHandler {
    /// Whether bytes from the peer are welcome: somebody takes its streams, and our answers do not pile up.
    var mayRead: Bool {
        switch self.phase {
        case .open: self.delegate != nil && self.staging.readableBytes < self.configuration.maxPendingControlBytes
        case .closing, .closed: true
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.beginReadCycle()
        self.hasHeardPeer = true
        guard self.phase == .open else { return }
        var buffer = self.unwrapInboundIn(data)
        guard self.heldInbound.readableBytes == 0, !self.isProcessing, self.mayRead else {
            self.heldInbound.writeBuffer(&buffer)
            return
        }
        self.process(&buffer)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        self.isInReadCycle = false
        self.tick()
        context.fireChannelReadComplete()
    }

    /// Takes up what was held, and reading, once nothing stands against it.
    func resumeInbound() {
        guard !self.isProcessing, self.mayRead else { return }
        if self.heldInbound.readableBytes > 0 {
            var buffer = self.heldInbound
            self.heldInbound = ByteBuffer()
            self.process(&buffer)
            self.scheduleTick()
            guard self.mayRead else { return }
        }
        if self.isReadSuppressed {
            self.isReadSuppressed = false
            self.context?.read()
        }
    }

    private func process(_ buffer: inout ByteBuffer) {
        self.isProcessing = true
        while self.phase == .open {
            if self.staging.readableBytes >= self.configuration.maxPendingControlBytes {
                self.pump()
            }
            guard self.mayRead else {
                buffer.writeBuffer(&self.heldInbound)
                self.heldInbound = buffer
                break
            }
            let event = self.decoder.next(&buffer)
            if case .needMoreBytes = event { break }
            switch event {
            case .header(let header):
                if self.gatherStream != nil, !self.continuesGathering(header) {
                    self.deliverGathered()
                }
                self.receive(header)
            case .body(let piece, let isLast):
                self.receiveBody(piece, isLast: isLast)
            case .needMoreBytes:
                break
            case .violation(let violation):
                self.fail(violation)
            }
        }
        self.deliverGathered()
        self.isProcessing = false
    }

    @inline(__always)
    private func receiveBody(_ piece: ByteBuffer, isLast: Bool) {
        guard let stream = self.bodyStream, stream.handler != nil else {
            self.statistics.discardedBytes &+= UInt64(piece.readableBytes)
            return
        }
        if isLast {
            self.bodyStream = nil
        }
        if isLast, !self.finFollowsBody, piece.readableBytes <= Self.gatherLimit {
            return self.gather(piece, stream)
        }
        self.deliverGathered()
        stream.receive(piece)
        // The delegate may have reset the stream.
        if isLast, self.finFollowsBody, stream.handler != nil {
            self.receiveFIN(stream)
        }
    }
}

// MARK: Small bodies

extension YamuxHandler {
    /// Bodies up to this size are delivered together with their successors in the same read.
    private static let gatherLimit = 512

    /// A peer that sends one byte per frame would make its receiver keep a buffer, a slice and a queue entry per byte.
    private func gather(_ piece: ByteBuffer, _ stream: YamuxStream) {
        if self.gatherStream === stream {
            self.gathered.writeImmutableBuffer(piece)
            if self.gathered.readableBytes >= 16_384 {
                self.deliverGathered()
            }
        } else {
            self.deliverGathered()
            self.gatherStream = stream
            self.gathered = piece
        }
    }

    @inline(__always)
    private func continuesGathering(_ header: YamuxHeader) -> Bool {
        header.type == .data && header.flags.isEmpty && header.length > 0
            && header.streamID == self.gatherStream?.machine.number
    }

    @inline(__always)
    private func deliverGathered() {
        guard let stream = self.gatherStream else { return }
        let data = self.gathered
        self.gatherStream = nil
        self.gathered = ByteBuffer()
        if stream.handler != nil {
            stream.receive(data)
        }
    }
}

// MARK: From frames to streams

extension YamuxHandler {
    @inline(__always)
    private func receive(_ header: YamuxHeader) {
        switch header.type {
        case .data, .windowUpdate:
            self.receiveStreamFrame(header)
        case .ping:
            self.receivePing(header)
        case .goAway:
            self.session.receiveGoAway(header.length)
        }
    }

    @inline(__always)
    private func lookUp(_ number: UInt32) -> YamuxStream? {
        if let last = self.lastStream, last.machine.number == number { return last }
        guard let stream = self.streams[number] else { return nil }
        self.lastStream = stream
        return stream
    }

    private func receiveStreamFrame(_ header: YamuxHeader) {
        self.bodyStream = nil
        let stream: YamuxStream
        if let known = self.lookUp(header.streamID) {
            guard !header.flags.contains(.syn) else {
                return self.fail(.streamNumberReused(header.streamID))
            }
            stream = known
        } else {
            guard header.streamID != 0 else { return self.fail(.streamNumberZero) }
            guard header.flags.contains(.syn) else {
                return self.act(on: self.session.receiveLateFrame(header, now: self.eventLoop.now))
            }
            guard let new = self.accept(header) else { return }
            stream = new
            // The delegate may have reset the stream at once, or closed the connection.
            guard stream.handler != nil, self.phase == .open else { return }
        }
        if header.flags.contains(.ack), stream.machine.receiveACK() {
            self.session.streamAcknowledged()
        }
        switch header.type {
        case .data: self.receiveData(header, stream)
        case .windowUpdate: self.receiveWindowUpdate(header, stream)
        case .ping, .goAway: break
        }
    }

    private func accept(_ header: YamuxHeader) -> YamuxStream? {
        let now = self.eventLoop.now
        switch self.session.receiveSYN(header, now: now) {
        case .accept:
            let stream = YamuxStream(handler: self, number: header.streamID, direction: .inbound, now: now)
            self.streams[header.streamID] = stream
            self.lastStream = stream
            self.streamHasControl(stream)
            self.delegate?.muxerAcceptedStream(stream)
            return stream
        case .refuse(let code):
            self.statistics.refusedStreams &+= 1
            self.stageReset(header.streamID, code)
        case .discard:
            break
        case .rateLimit:
            self.beginClose(.closedLocally(.rateLimited), sending: .rateLimited)
        case .closeConnection(let violation):
            self.fail(violation)
        }
        return nil
    }

    @inline(__always)
    private func receiveData(_ header: YamuxHeader, _ stream: YamuxStream) {
        let fitsConnection: Bool
        switch stream.machine.receiveData(length: header.length) {
        case .accept:
            fitsConnection = self.session.reserveBuffer(Int(header.length))
        case .resetStream(let code):
            return self.resetMisbehaving(stream, code)
        case .closeConnection(let violation):
            return self.fail(violation)
        }
        guard !header.flags.contains(.rst) else {
            return self.receiveRST(stream, .noError)
        }
        let isFIN = header.flags.contains(.fin)
        if header.length > 0 {
            guard fitsConnection else {
                return self.resetMisbehaving(stream, .resourceLimitExceeded)
            }
            self.bodyStream = stream
            self.finFollowsBody = isFIN
        } else if isFIN {
            self.receiveFIN(stream)
        } else if header.flags.isEmpty {
            self.act(on: self.session.receiveUselessFrame(now: self.eventLoop.now))
        }
    }

    private func receiveWindowUpdate(_ header: YamuxHeader, _ stream: YamuxStream) {
        guard !header.flags.contains(.rst) else {
            return self.receiveRST(stream, StreamErrorCode(rawValue: header.length))
        }
        switch stream.machine.receiveWindowUpdate(header.length) {
        case .resumeSending:
            self.streamHasData(stream)
        case .resetStream(let code):
            return self.resetMisbehaving(stream, code)
        }
        if header.flags.contains(.fin) {
            self.receiveFIN(stream)
        } else if header.length == 0, header.flags.isEmpty {
            self.act(on: self.session.receiveUselessFrame(now: self.eventLoop.now))
        }
    }

    private func receiveFIN(_ stream: YamuxStream) {
        switch stream.machine.receiveFIN() {
        case .remoteFinished:
            stream.receiveFIN()
        case .streamFinished:
            self.forget(stream, .finished, lateBytes: 0)
            stream.receiveFIN()
        case .ignored:
            self.act(on: self.session.receiveUselessFrame(now: self.eventLoop.now))
        }
    }

    private func receiveRST(_ stream: YamuxStream, _ code: StreamErrorCode) {
        stream.machine.abort()
        self.forget(stream, .resetByPeer(code), lateBytes: 0)
        stream.deliverOwed()
        self.countReset(stream)
    }

    private func receivePing(_ header: YamuxHeader) {
        if header.flags.contains(.syn) {
            guard self.pendingPongs < self.configuration.maxPendingPongs else {
                self.statistics.droppedPings &+= 1
                return self.act(on: self.session.receiveUselessFrame(now: self.eventLoop.now))
            }
            self.pendingPongs += 1
            self.stage(YamuxHeader(type: .ping, flags: .ack, streamID: 0, length: header.length))
        } else if !self.pinger.receivePong(header.length, now: self.eventLoop.now) {
            self.act(on: self.session.receiveUselessFrame(now: self.eventLoop.now))
        }
    }

    private func act(on result: YamuxSessionMachine.OnUseless) {
        switch result {
        case .ignore:
            self.statistics.uselessFrames &+= 1
        case .closeConnection(let violation):
            self.fail(violation)
        }
    }
}

// MARK: What streams ask for

extension YamuxHandler {
    func returnCredit(_ stream: YamuxStream, _ bytes: Int) {
        self.session.releaseBuffer(stream.machine.returnCredit(bytes))
        if stream.machine.receive.isEpochComplete {
            self.tuneWindow(stream)
        }
        if stream.machine.receive.isAnnouncementDue {
            self.streamHasControl(stream)
        }
    }

    private func tuneWindow(_ stream: YamuxStream) {
        let roundTrip = self.pinger.roundTrip.map { max($0, self.configuration.minTuningRoundTrip) }
        let growth = stream.machine.endReceiveEpoch(
            now: self.eventLoop.now,
            roundTrip: roundTrip,
            limit: self.configuration.maxStreamWindowBytes
        )
        if growth > 0, self.session.reserveWindow(growth) {
            stream.machine.growReceiveWindow(by: growth)
        }
    }

    func resetLocally(_ stream: YamuxStream, _ code: StreamErrorCode) {
        let window = stream.machine.receive.isOpen ? stream.machine.receive.windowBytes : 0
        switch stream.machine.reset() {
        case .sendRST:
            self.stageReset(stream.machine.number, code)
        case .forget:
            break
        case .ignored:
            return
        }
        self.forget(stream, .resetLocally(code), lateBytes: window)
        self.notifyLater(stream)
    }

    /// The machine has ended the stream because the peer broke its rules.
    private func resetMisbehaving(_ stream: YamuxStream, _ code: StreamErrorCode) {
        let window = stream.machine.receive.windowBytes
        stream.machine.abort()
        self.stageReset(stream.machine.number, code)
        self.forget(stream, .resetLocally(code), lateBytes: window)
        stream.deliverOwed()
        self.countReset(stream)
    }

    /// Who opens streams only to have them reset makes work for nothing.
    private func countReset(_ stream: YamuxStream) {
        if stream.direction == .inbound, !self.session.receiveReset(now: self.eventLoop.now) {
            self.beginClose(.closedLocally(.rateLimited), sending: .rateLimited)
        }
    }

    /// Takes a stream that has ended out of the tables. Its delegate is still to be told.
    func forget(_ stream: YamuxStream, _ reason: StreamCloseReason, lateBytes: Int) {
        self.streams.removeValue(forKey: stream.machine.number)
        if self.lastStream === stream {
            self.lastStream = nil
        }
        self.session.streamEnded(direction: stream.direction, machine: stream.machine, lateBytes: lateBytes)
        stream.end(reason)
        self.endedStreams.append(stream)
        self.scheduleTick()
    }
}
