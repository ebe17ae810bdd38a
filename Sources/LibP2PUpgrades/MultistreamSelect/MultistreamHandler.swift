import LibP2PCore
import NIOCore

/// Negotiates on a channel, then removes itself and hands on what came behind the agreement.
final class MultistreamHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    enum Role {
        case dialer(MultistreamDialer)
        case listener(MultistreamListener, supported: [ProtocolID])
    }

    private enum State {
        case negotiating(Role, EventLoopPromise<ProtocolID>)
        /// Agreed or failed; on the way out of the pipeline.
        case done
    }

    private var state: State
    /// Leave the flush of the opening to the next turn of the loop.
    private let isLazy: Bool

    init(_ role: Role, isLazy: Bool, promise: EventLoopPromise<ProtocolID>) {
        self.state = .negotiating(role, promise)
        self.isLazy = isLazy
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard case .negotiating(.dialer(let machine), _) = self.state else { return }
        context.write(Self.wrapOutboundOut(machine.opening), promise: nil)
        if self.isLazy {
            context.eventLoop.assumeIsolated().execute { context.flush() }
        } else {
            context.flush()
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.fail(.channelClosed)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .negotiating(let role, let promise) = self.state else {
            context.fireChannelRead(data)
            return
        }
        let bytes = Self.unwrapInboundIn(data)
        switch role {
        case .dialer(var machine):
            let result = machine.receive(bytes)
            self.state = .negotiating(.dialer(machine), promise)
            switch result {
            case .awaitMore:
                break
            case .send(let proposal):
                context.writeAndFlush(Self.wrapOutboundOut(proposal), promise: nil)
            case .selected(let name, let leftover):
                self.succeed(name, leftover: leftover, promise: promise, context: context)
            case .fail(let error):
                self.fail(error, context: context)
            }
        case .listener(var machine, let supported):
            let result = machine.receive(bytes) { supported.contains($0) }
            self.state = .negotiating(.listener(machine, supported: supported), promise)
            switch result {
            case .awaitMore:
                break
            case .send(let answer):
                context.writeAndFlush(Self.wrapOutboundOut(answer), promise: nil)
            case .selected(let name, let answer, let leftover):
                context.writeAndFlush(Self.wrapOutboundOut(answer), promise: nil)
                self.succeed(name, leftover: leftover, promise: promise, context: context)
            case .fail(let error):
                self.fail(error, context: context)
            }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.fail(.channelClosed)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard case .negotiating = self.state else {
            context.fireErrorCaught(error)
            return
        }
        self.fail(.channelClosed)
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    private func succeed(
        _ name: ProtocolID,
        leftover: ByteBuffer,
        promise: EventLoopPromise<ProtocolID>,
        context: ChannelHandlerContext
    ) {
        self.state = .done
        // The callbacks run here and add the next handlers behind this one.
        promise.succeed(name)
        if leftover.readableBytes > 0 {
            context.fireChannelRead(Self.wrapInboundOut(leftover))
        }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    private func fail(_ error: MultistreamError, context: ChannelHandlerContext) {
        self.fail(error)
        // Behind a lazy proposal the next handlers are here already and learn why the channel ends.
        context.fireErrorCaught(error)
        context.close(promise: nil)
    }

    private func fail(_ error: MultistreamError) {
        guard case .negotiating(_, let promise) = self.state else { return }
        self.state = .done
        promise.fail(TransportError.negotiationFailed(error.description))
    }
}
