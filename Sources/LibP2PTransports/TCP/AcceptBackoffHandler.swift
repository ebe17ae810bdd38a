import Logging
import NIOCore

/// Lets a listener rest when accepting fails for want of descriptors or memory. First handler of the server channel.
///
/// NIO keeps such a listener open, but the connection that could not be accepted keeps its socket readable, so that the loop would spin.
final class AcceptBackoffHandler: ChannelInboundHandler {
    typealias InboundIn = any Channel
    typealias InboundOut = any Channel

    private let backoff: TimeAmount
    private let logger: Logger?
    private var isResting = false

    init(backoff: TimeAmount, logger: Logger?) {
        self.backoff = backoff
        self.logger = logger
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? IOError, SystemErrorText.isExhaustion(error.errnoCode) else {
            // One connection that came to nothing, such as a peer that was gone before it was accepted.
            self.logger?.debug("accept failed", metadata: ["cause": "\(SystemErrorText.describe(error))"])
            return
        }
        guard !self.isResting else {
            return
        }
        self.isResting = true
        self.logger?.warning(
            "accept failed, resting",
            metadata: ["cause": "\(SystemErrorText.describe(error))", "rest": "\(self.backoff)"]
        )
        self.setReading(false, context: context)
        context.eventLoop.assumeIsolated().scheduleTask(in: self.backoff) {
            self.isResting = false
            self.setReading(true, context: context)
        }
    }

    private func setReading(_ isReading: Bool, context: ChannelHandlerContext) {
        // Fails only on a closed channel, which accepts nothing anyway.
        try? context.channel.syncOptions?.setOption(.autoRead, value: isReading)
    }
}
