import LibP2PCore
import Logging
import NIOCore

/// One client's control connection: its requests one after the other, until it ends or becomes a stream.
///
/// Reading stops while a request is under way, so that nothing but what the kernel holds queues up behind a slow one.
final class ControlConnection: ChannelInboundHandler, RemovableChannelHandler, @unchecked Sendable {
    // Unchecked: all mutable state is touched on the channel's event loop only.

    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        /// Taking requests.
        case serving
        /// A request is under way; its number tells its answer from late ones.
        case busy(request: UInt64, deadline: Scheduled<Void>)
        /// The last answer is being written, then the channel closes. Nothing more is taken.
        case closing
        /// The channel is closed, or somebody else's.
        case ended
    }

    private let server: ControlServer
    private let channel: any Channel
    private let client: ControlClientIdentity
    private var decoder: FrameDecoder
    private var state = State.serving
    private var requestCount: UInt64 = 0
    private var isInputClosed = false
    private var isProcessing = false
    private var hasUnflushedWrites = false
    private let stallGuard: WriteStallGuard

    init(server: ControlServer, channel: any Channel, client: ControlClientIdentity) {
        self.server = server
        self.channel = channel
        self.client = client
        self.decoder = FrameDecoder(maximumBytes: server.configuration.maximumMessageBytes)
        self.stallGuard = WriteStallGuard(timeout: server.configuration.writeStallTimeout)
    }

    private var eventLoop: any EventLoop { self.channel.eventLoop }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive {
            context.read()
        }
    }

    func channelActive(context: ChannelHandlerContext) {
        context.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch self.state {
        case .serving, .busy: self.decoder.append(self.unwrapInboundIn(data))
        case .closing, .ended: break
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if case .closing = self.state, !self.isInputClosed {
            context.read()
        }
        self.process()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            self.stallGuard.stop()
            self.process()
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .some(.inputClosed) = event as? ChannelEvent {
            self.isInputClosed = true
            if case .closing = self.state {
                context.close(promise: nil)
            }
            self.process()
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A client that vanished; `channelInactive` follows.
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.end()
        self.server.connectionEnded(self.channel)
    }

    private func end() {
        if case .busy(request: _, let deadline) = self.state {
            // The answer finds another request's number, or none, and is dropped.
            deadline.cancel()
        }
        self.state = .ended
        self.stallGuard.stop()
        _ = self.decoder.takeRemainder()
    }
}

// MARK: Requests

extension ControlConnection {
    /// Serves what has arrived: iteratively, because answers that are ready at once would otherwise nest without a limit.
    private func process() {
        guard !self.isProcessing else { return }
        self.isProcessing = true
        defer { self.isProcessing = false }
        var served = 0
        while case .serving = self.state {
            guard self.channel.isWritable else {
                self.flush()
                if !self.channel.isWritable {
                    self.stallGuard.watch(self.eventLoop) { self.channel.close(promise: nil) }
                    return
                }
                continue
            }
            guard served < Self.requestsPerTurn else {
                // One client's flood of small requests must not keep the loop from the others.
                self.flush()
                self.eventLoop.assumeIsolated().execute { self.process() }
                return
            }
            switch self.decoder.next() {
            case .frame(let message):
                served += 1
                self.serve(message)
            case .needsMoreBytes:
                self.flush()
                if self.isInputClosed {
                    self.closeAfterWrites()
                } else {
                    self.channel.read()
                }
                return
            case .violation(let violation):
                self.server.services.logger.debug("control client refused", metadata: ["violation": "\(violation)"])
                self.closeAfterWrites()
                return
            }
        }
        self.flush()
    }

    private func serve(_ message: ByteBuffer) {
        do {
            let request = try ProtobufRequest.decode(message)
            let context = OperationContext(
                services: self.server.services,
                handlers: self.server.handlers,
                client: self.client,
                eventLoop: self.eventLoop
            )
            switch try request.operation.init(request.arguments).run(in: context) {
            case .ready(let result): self.answer(result)
            case .pending(let result, let deadline): self.await(result, deadline: deadline)
            }
        } catch let error as OperationError {
            self.write(ProtobufResponse.encode(error))
        } catch ProtobufRequest.Failure.refused(let error) {
            self.write(ProtobufResponse.encode(error))
        } catch ProtobufRequest.Failure.malformed(let reason) {
            self.write(ProtobufResponse.error("Malformed request; \(reason)"))
            self.closeAfterWrites()
        } catch {
            self.write(ProtobufResponse.error(String(describing: error)))
        }
    }

    private func await(_ result: EventLoopFuture<OperationResult>, deadline: TimeAmount) {
        self.requestCount &+= 1
        let request = self.requestCount
        // The network keeps the deadline; this one holds for what the network may have forgotten.
        let timer = self.eventLoop.assumeIsolated().scheduleTask(in: deadline + Self.deadlineGrace) {
            self.completed(request, .failure(OperationError.timedOut))
        }
        self.state = .busy(request: request, deadline: timer)
        result.hop(to: self.eventLoop).assumeIsolated().whenComplete { self.completed(request, $0) }
    }

    private func completed(_ request: UInt64, _ result: Result<OperationResult, any Error>) {
        guard case .busy(request, let timer) = self.state else {
            Self.dispose(result)
            return
        }
        timer.cancel()
        self.state = .serving
        switch result {
        case .success(let result): self.answer(result)
        case .failure(let error): self.write(ProtobufResponse.encode(OperationError(error)))
        }
        self.process()
    }

    private func answer(_ result: OperationResult) {
        self.write(ProtobufResponse.encode(result))
        switch result {
        case .stream(let stream): self.become(stream)
        case .persistentConnection: self.becomePersistentConnection()
        case .done, .identity, .peerAddresses, .peers, .protocols, .version: break
        }
    }

    /// Undoes what nobody waits for any more.
    private static func dispose(_ result: Result<OperationResult, any Error>) {
        if case .success(.stream(let stream)) = result {
            stream.eventLoop.execute { stream.reset(.noError) }
        }
    }

    private func write(_ answer: ByteBuffer) {
        self.channel.write(answer, promise: nil)
        self.hasUnflushedWrites = true
    }

    private func flush() {
        if self.hasUnflushedWrites {
            self.hasUnflushedWrites = false
            self.channel.flush()
        }
    }

    private static let requestsPerTurn = 64
    private static let deadlineGrace = TimeAmount.seconds(5)
}

// MARK: What the connection becomes

extension ControlConnection {
    private func become(_ stream: Stream) {
        self.flush()
        let early = self.decoder.takeRemainder()
        self.end()
        self.server.connectionEnded(self.channel)
        // Synchronous on the channel's loop: no byte can come between this handler and the bridge's.
        self.channel.pipeline.syncOperations.removeHandler(self, promise: nil)
        self.server.services.bridge.join(self.channel, early: early, inputClosed: self.isInputClosed, to: stream)
    }

    private func becomePersistentConnection() {
        self.flush()
        let early = self.decoder.takeRemainder()
        let connection = PersistentConnection(
            id: self.server.nextPersistentConnectionID(),
            server: self.server,
            channel: self.channel,
            owner: self.client.owner,
            early: early,
            isInputClosed: self.isInputClosed
        )
        self.end()
        do {
            try self.channel.pipeline.syncOperations.addHandler(connection)
        } catch {
            // Only a channel that is closed already refuses a handler.
            self.server.connectionEnded(self.channel)
            self.channel.close(promise: nil)
        }
        self.channel.pipeline.syncOperations.removeHandler(self, promise: nil)
    }

    /// Closes when the last answer has been written, and the client has had time to read it.
    private func closeAfterWrites() {
        self.state = .closing
        let channel = self.channel
        let isInputClosed = self.isInputClosed
        // A client that does not take the last answer is not waited for longer than any other.
        self.stallGuard.watch(self.eventLoop) { channel.close(promise: nil) }
        channel.writeAndFlush(ByteBuffer()).assumeIsolated().whenComplete { _ in
            guard !isInputClosed else {
                channel.close(promise: nil)
                return
            }
            // Closing a socket with unread bytes in it takes back what the client has not read yet: what still comes is
            // read and dropped first.
            channel.close(mode: .output, promise: nil)
            channel.eventLoop.scheduleTask(in: Self.lingerTime) { channel.close(promise: nil) }
            channel.read()
        }
    }

    private static let lingerTime = TimeAmount.seconds(1)
}
