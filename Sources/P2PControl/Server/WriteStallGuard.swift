import NIOCore

/// Notices a client that takes nothing of what is written to it. Confined to its channel's event loop.
///
/// Watches while the channel is not writable: whoever owns it starts the watch then and stops it when the channel is writable again.
final class WriteStallGuard {
    private let timeout: TimeAmount
    private var timer: Scheduled<Void>?

    init(timeout: TimeAmount) {
        self.timeout = timeout
    }

    /// Starts the watch when it does not run yet.
    /// - Parameters:
    ///   - progress: a number that changes when the client has taken something.
    ///   - onStall: called when the number has stayed the same for the whole timeout.
    func watch(
        _ eventLoop: any EventLoop,
        progress: @escaping () -> UInt64 = { 0 },
        onStall: @escaping () -> Void
    ) {
        guard self.timer == nil else { return }
        let before = progress()
        self.timer = eventLoop.assumeIsolated().scheduleTask(in: self.timeout) {
            self.timer = nil
            if progress() == before {
                onStall()
            } else {
                self.watch(eventLoop, progress: progress, onStall: onStall)
            }
        }
    }

    func stop() {
        self.timer?.cancel()
        self.timer = nil
    }
}
