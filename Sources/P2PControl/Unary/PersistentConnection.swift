import LibP2PCore
import Logging
import Multiformats
package import NIOCore

/// The number of a persistent connection, unique for its server.
package struct PersistentConnectionID: Hashable, Sendable {
    let rawValue: UInt64
}

/// A client's connection on which it makes unary calls and answers them, many at a time.
package final class PersistentConnection: ChannelInboundHandler, @unchecked Sendable {
    // Unchecked: all mutable state is touched on the channel's event loop only.

    package typealias InboundIn = ByteBuffer
    package typealias OutboundOut = ByteBuffer

    /// A call that the client makes.
    private struct OutboundCall {
        var deadline: Scheduled<Void>?
        /// nil while the stream is being opened.
        var stream: OutboundUnaryCall?
    }

    package let id: PersistentConnectionID
    package let owner: HandlerOwner
    let channel: any Channel
    private let server: ControlServer
    private var decoder: FrameDecoder
    private var calls: UnaryCallTable<OutboundCall, InboundUnaryCall>
    private var isOpen = false
    private var isInputClosed: Bool
    private var isProcessing = false
    /// Bytes written that the kernel has not taken yet.
    private var queuedBytes = 0
    private var writeProgress: UInt64 = 0
    private let stallGuard: WriteStallGuard

    /// - Parameter early: what the client sent after the request that made the connection persistent.
    init(
        id: PersistentConnectionID,
        server: ControlServer,
        channel: any Channel,
        owner: HandlerOwner,
        early: ByteBuffer,
        isInputClosed: Bool
    ) {
        let configuration = server.configuration
        self.id = id
        self.server = server
        self.channel = channel
        self.owner = owner
        self.isInputClosed = isInputClosed
        self.decoder = FrameDecoder(maximumBytes: configuration.maximumMessageBytes)
        self.decoder.append(early)
        self.calls = UnaryCallTable(
            maximumCalls: configuration.maximumUnaryCalls,
            maximumBytes: configuration.maximumUnaryBytes
        )
        self.stallGuard = WriteStallGuard(timeout: configuration.writeStallTimeout)
    }

    private var eventLoop: any EventLoop { self.channel.eventLoop }
    private var configuration: ControlConfiguration { self.server.configuration }

    package func handlerAdded(context: ChannelHandlerContext) {
        guard context.channel.isActive else {
            self.server.connectionEnded(self.channel)
            return
        }
        self.isOpen = true
        self.server.persistentConnectionOpened(self)
        self.process()
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if self.isOpen {
            self.decoder.append(self.unwrapInboundIn(data))
        }
    }

    package func channelReadComplete(context: ChannelHandlerContext) {
        self.process()
    }

    package func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            self.stallGuard.stop()
        }
    }

    package func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent {
            self.isInputClosed = true
            self.process()
        }
    }

    package func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        guard self.isOpen else { return }
        // What comes later, such as a stream that opens now, finds no call and is dropped; nothing is registered any more.
        self.isOpen = false
        self.stallGuard.stop()
        self.server.persistentConnectionClosed(self)
        let (outbound, inbound) = self.calls.removeAll()
        for call in outbound {
            call.deadline?.cancel()
            call.stream?.cancel()
        }
        for call in inbound {
            call.handlerHasGone()
        }
    }

    /// Takes what has arrived, in order: a cancel never overtakes the call it is for.
    private func process() {
        guard self.isOpen, !self.isProcessing else { return }
        self.isProcessing = true
        defer {
            self.isProcessing = false
            self.flush()
        }
        var served = 0
        // A client that takes no answers is not read either; `written` goes on when it has taken some.
        while self.isOpen, self.queuedBytes <= self.configuration.maximumQueuedBytes {
            guard served < Self.messagesPerTurn else {
                self.eventLoop.assumeIsolated().execute { self.process() }
                return
            }
            switch self.decoder.next() {
            case .frame(let frame):
                served += 1
                self.receive(frame)
            case .needsMoreBytes:
                if self.isInputClosed {
                    self.channel.flush()
                    self.channel.close(promise: nil)
                } else {
                    self.channel.read()
                }
                return
            case .violation(let violation):
                self.server.services.logger.debug(
                    "persistent connection refused",
                    metadata: ["violation": "\(violation)"]
                )
                self.channel.close(promise: nil)
                return
            }
        }
    }

    private static let messagesPerTurn = 256
}

// MARK: Writing

extension PersistentConnection {
    private func write(_ frame: UnaryFrame) {
        guard self.isOpen else { return }
        let bytes = frame.readableBytes
        self.queuedBytes += bytes
        let promise = self.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenComplete { _ in self.written(bytes) }
        if frame.payload.readableBytes > 0 {
            self.channel.write(frame.head, promise: nil)
            self.channel.write(frame.payload, promise: promise)
        } else {
            self.channel.write(frame.head, promise: promise)
        }
        // While messages are processed, one flush after the last of them is enough.
        if !self.isProcessing {
            self.flush()
        }
    }

    private func flush() {
        self.channel.flush()
        if self.isOpen, !self.channel.isWritable {
            self.stallGuard.watch(self.eventLoop) { [weak self] in
                self?.writeProgress ?? 0
            } onStall: { [channel = self.channel] in
                channel.close(promise: nil)
            }
        }
    }

    private func written(_ bytes: Int) {
        let wasPaused = self.queuedBytes > self.configuration.maximumQueuedBytes
        self.queuedBytes -= bytes
        self.writeProgress &+= 1
        if wasPaused, self.queuedBytes <= self.configuration.maximumQueuedBytes {
            self.process()
        }
    }
}

// MARK: What the client asks

extension PersistentConnection {
    private func receive(_ frame: ByteBuffer) {
        let request: PersistentRequest
        do {
            request = try PersistentRequest(frame)
        } catch {
            self.channel.close(promise: nil)
            return
        }
        guard let callID = request.callID else { return }
        switch request.message {
        case .addUnaryHandler(let name, let isBalanced):
            self.register(callID, name, isBalanced: isBalanced)
        case .callUnary(let peer, let name, _):
            self.call(callID, peer: peer, protocolName: name, frame: frame)
        case .cancel:
            self.cancel(callID)
        case .removeUnaryHandler(let name):
            do {
                try self.server.handlers.unregister(self.id, for: ProtocolID(name))
                self.write(.acknowledgement(callID))
            } catch {
                self.write(.daemonError(callID, error.description))
            }
        case .unaryResponse(let result):
            self.calls.endInbound(callID)?.answer(result)
        case nil:
            break
        }
    }

    private func register(_ callID: CallID, _ name: String, isBalanced: Bool) {
        guard ProtocolName.isValid(name) else {
            self.write(.daemonError(callID, "invalid protocol name"))
            return
        }
        do {
            try self.server.handlers.register(self, for: ProtocolID(name), isBalanced: isBalanced)
            self.write(.acknowledgement(callID))
        } catch {
            self.write(.daemonError(callID, error.description))
        }
    }

    private func cancel(_ callID: CallID) {
        guard let call = self.calls.cancelOutbound(callID) else { return }
        call.deadline?.cancel()
        call.stream?.cancel()
        self.write(.cancel(callID))
    }
}

// MARK: Calls the client makes

extension PersistentConnection {
    private func call(_ callID: CallID, peer: [UInt8], protocolName: String, frame: ByteBuffer) {
        let peerID: PeerID
        do {
            peerID = try PeerID(bytes: peer)
        } catch {
            self.write(.daemonError(callID, String(describing: error)))
            return
        }
        guard ProtocolName.isValid(protocolName) else {
            self.write(.daemonError(callID, "invalid protocol name"))
            return
        }
        let serial: UInt64
        do {
            serial = try self.calls.startOutbound(callID, bytes: frame.readableBytes, call: OutboundCall())
        } catch {
            self.write(.daemonError(callID, error.description))
            return
        }
        let deadline = self.eventLoop.assumeIsolated().scheduleTask(in: self.configuration.unaryTimeout) {
            self.ended(callID, serial, .failure(.network(.timedOut)))
        }
        _ = self.calls.updateOutbound(callID, serial: serial) { $0.deadline = deadline }
        self.server.services.network
            .openStream(
                to: peerID,
                protocols: [ProtocolID(protocolName)],
                timeout: self.configuration.unaryOpenTimeout
            )
            .hop(to: self.eventLoop).assumeIsolated()
            .whenComplete { self.opened(callID, serial, frame, $0) }
    }

    private func opened(_ callID: CallID, _ serial: UInt64, _ frame: ByteBuffer, _ result: Result<Stream, any Error>) {
        switch result {
        case .failure(let error):
            self.ended(callID, serial, .failure(OperationError(error)))
        case .success(let stream):
            let call = OutboundUnaryCall(
                stream: stream,
                request: .verbatim(frame),
                configuration: self.configuration
            ) { result in
                self.eventLoop.runInOrder { self.ended(callID, serial, result) }
            }
            guard self.calls.updateOutbound(callID, serial: serial, { $0.stream = call }) else {
                // Cancelled while it was opened.
                stream.eventLoop.runInOrder { stream.reset(.noError) }
                return
            }
            call.start()
        }
    }

    private func ended(_ callID: CallID, _ serial: UInt64, _ result: Result<UnaryResult, OperationError>) {
        guard let call = self.calls.endOutbound(callID, serial: serial) else { return }
        call.deadline?.cancel()
        switch result {
        case .success(let answer):
            guard self.queuedBytes <= self.configuration.maximumQueuedBytes * 4 else {
                self.write(.daemonError(callID, "response dropped: the client reads its answers too slowly"))
                return
            }
            self.write(.callUnaryResponse(callID, answer))
        case .failure(let error):
            call.stream?.cancel()
            self.write(.daemonError(callID, error.description))
        }
    }
}

// MARK: Calls the client answers

extension PersistentConnection {
    /// Gives the client a call to answer; any thread. The call is told when it is not taken.
    func offer(_ call: InboundUnaryCall, caller: PeerID, protocolID: ProtocolID, data: ByteBuffer) {
        self.eventLoop.runInOrder {
            guard self.isOpen, self.queuedBytes <= self.configuration.maximumQueuedBytes else {
                call.refused()
                return
            }
            do {
                try self.calls.startInbound(call.localID, bytes: data.readableBytes, call: call)
            } catch {
                call.refused()
                return
            }
            self.write(
                .requestHandling(call.localID, caller: caller.bytes, protocolID: protocolID, data: data)
            )
        }
    }

    /// Tells the client that a call it was given needs no answer any more; any thread.
    func withdraw(_ callID: CallID) {
        self.eventLoop.runInOrder {
            if self.calls.endInbound(callID) != nil {
                self.write(.cancel(callID))
            }
        }
    }
}

extension EventLoop {
    /// Runs now when on this loop, else as soon as the loop comes to it; calls from one thread keep their order.
    func runInOrder(_ body: @escaping @Sendable () -> Void) {
        if self.inEventLoop {
            body()
        } else {
            self.execute(body)
        }
    }
}
