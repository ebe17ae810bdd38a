import LibP2PCore
import NIOCore

/// Waits until an accepted channel is active, leaves the pipeline and starts the upgrade.
final class InboundStarter: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let promise: EventLoopPromise<UpgradedConnection>
    private let upgrade: (any Channel) -> EventLoopFuture<UpgradedConnection>
    private var isStarted = false

    /// - Parameter promise: completed exactly once, at the latest when the channel is gone.
    init(
        _ promise: EventLoopPromise<UpgradedConnection>,
        upgrade: @escaping (any Channel) -> EventLoopFuture<UpgradedConnection>
    ) {
        self.promise = promise
        self.upgrade = upgrade
    }

    func channelActive(context: ChannelHandlerContext) {
        self.isStarted = true
        let channel = context.channel
        // Leaving is immediate: the upgrader finds an empty pipeline.
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        self.upgrade(channel).cascade(to: self.promise)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        // A channel that is closed before it was active.
        if !self.isStarted {
            self.promise.fail(ChannelError.eof)
        }
    }
}
