import NIOCore

/// Notices a client that takes nothing of what is written to it. Confined to its channel's event loop.
///
/// Watches only while the channel is not writable; then some progress has to be seen in every period.
struct WriteStallGuard {
    private let timeout: TimeAmount
    private var timer: Scheduled<Void>?

    init(timeout: TimeAmount) {
        self.timeout = timeout
    }

    /// Starts the watch when it does not run yet; `onStall` is called when the channel has stayed unwritable throughout.
    mutating func watch(_ eventLoop: any EventLoop, onStall: @escaping () -> Void) {
        guard self.timer == nil else { return }
        self.timer = eventLoop.assumeIsolated().scheduleTask(in: self.timeout, onStall)
    }

    mutating func stop() {
        self.timer?.cancel()
        self.timer = nil
    }
}
