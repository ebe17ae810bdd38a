import LibP2PCore
import NIOCore

/// Noise on a channel: the handshake first, then encryption and decryption of all that passes.
final class NoiseHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private enum State {
        /// Not started, or a message of the peer is awaited.
        case handshaking(NoiseHandshakeMachine, EventLoopPromise<SecuredPeer>, isStarted: Bool)
        /// `sealer` and `opener` are there.
        case transport
        /// Failed, or the channel has ended. Nothing passes any more.
        case ended
    }

    private var state: State
    private var sealer: NoiseSealer?
    private var opener: NoiseOpener?
    private var handshakeInput = ByteBuffer()
    private var pending = NoisePendingWrites()

    init(_ machine: NoiseHandshakeMachine, promise: EventLoopPromise<SecuredPeer>) {
        self.state = .handshaking(machine, promise, isStarted: false)
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive {
            self.start(context: context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.end(.channelClosed)
    }

    func channelActive(context: ChannelHandlerContext) {
        self.start(context: context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        if self.opener?.isWithinMessage == true {
            context.fireErrorCaught(NoiseError.truncated)
        }
        self.end(.channelClosed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard case .handshaking = self.state else {
            context.fireErrorCaught(error)
            return
        }
        self.end(.channelClosed)
        context.close(promise: nil)
    }

    /// Fails what waits. Idempotent.
    private func end(_ error: SecurityError) {
        let state = self.state
        self.state = .ended
        self.sealer = nil
        self.opener = nil
        self.handshakeInput = ByteBuffer()
        if case .handshaking(_, let promise, _) = state {
            promise.fail(error)
        }
        self.pending.failAll(ChannelError.ioOnClosedChannel)
    }
}

// MARK: - Handshake

extension NoiseHandler {
    private func start(context: ChannelHandlerContext) {
        guard case .handshaking(var machine, let promise, isStarted: false) = self.state else { return }
        let result = machine.start()
        self.state = .handshaking(machine, promise, isStarted: true)
        switch result {
        case .awaitMessage:
            break
        case .send(let message):
            context.writeAndFlush(Self.wrapOutboundOut(NoiseFrame.writeHandshakeMessage(message)), promise: nil)
        case .fail(let error):
            self.failHandshake(error, context: context)
        }
    }

    private func receiveHandshake(_ data: ByteBuffer, context: ChannelHandlerContext) {
        self.handshakeInput.writeImmutableBuffer(data)
        do throws(NoiseError) {
            while case .handshaking(var machine, let promise, let isStarted) = self.state,
                let message = try NoiseFrame.readHandshakeMessage(from: &self.handshakeInput)
            {
                let result = machine.receive(message)
                self.state = .handshaking(machine, promise, isStarted: isStarted)
                switch result {
                case .send(let message):
                    context.writeAndFlush(Self.wrapOutboundOut(NoiseFrame.writeHandshakeMessage(message)), promise: nil)
                case .complete(let message, let session):
                    self.complete(session, sending: message, promise: promise, context: context)
                case .fail(let error):
                    self.failHandshake(error, context: context)
                }
            }
        } catch {
            self.failHandshake(.handshakeFailed(error.description), context: context)
        }
    }

    private func complete(
        _ session: NoiseSession,
        sending message: [UInt8]?,
        promise: EventLoopPromise<SecuredPeer>,
        context: ChannelHandlerContext
    ) {
        let rest = self.handshakeInput
        self.handshakeInput = ByteBuffer()
        self.sealer = NoiseSealer(session.sending)
        self.opener = NoiseOpener(session.receiving)
        self.state = .transport
        if let message {
            context.write(Self.wrapOutboundOut(NoiseFrame.writeHandshakeMessage(message)), promise: nil)
        }
        // The callbacks run here: the muxer is added, and what it writes leaves together with our last message.
        promise.succeed(session.peer)
        self.sealPending(context: context)
        context.flush()
        if rest.readableBytes > 0 {
            self.receiveTransport(rest, context: context)
        }
    }

    private func failHandshake(_ error: SecurityError, context: ChannelHandlerContext) {
        self.end(error)
        context.close(promise: nil)
    }
}

// MARK: - Inbound

extension NoiseHandler {
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let input = Self.unwrapInboundIn(data)
        switch self.state {
        case .transport: self.receiveTransport(input, context: context)
        case .handshaking: self.receiveHandshake(input, context: context)
        case .ended: break
        }
    }

    private func receiveTransport(_ input: ByteBuffer, context: ChannelHandlerContext) {
        guard let (plaintext, failure) = self.opener?.open(input) else { return }
        if plaintext.readableBytes > 0 {
            context.fireChannelRead(Self.wrapInboundOut(plaintext))
        }
        if let failure {
            self.failTransport(failure, context: context)
        }
    }

    private func failTransport(_ error: NoiseError, context: ChannelHandlerContext) {
        guard case .transport = self.state else { return }
        self.end(.channelClosed)
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }
}

// MARK: - Outbound

extension NoiseHandler {
    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .ended = self.state {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        self.pending.append(Self.unwrapOutboundIn(data), promise: promise)
    }

    func flush(context: ChannelHandlerContext) {
        self.sealPending(context: context)
        context.flush()
    }

    /// Seals what was written, once there are keys; before that it waits for the end of the handshake.
    private func sealPending(context: ChannelHandlerContext) {
        while self.sealer != nil, let batch = self.pending.takeBatch(maximumBytes: NoiseSealer.batchBytes) {
            do throws(NoiseError) {
                guard let sealed = try self.sealer?.seal(batch.pieces) else { return }
                let promise = batch.combinedPromise(on: context.eventLoop)
                context.write(Self.wrapOutboundOut(sealed), promise: promise)
            } catch {
                batch.fail(error)
                self.failTransport(error, context: context)
            }
        }
    }
}
