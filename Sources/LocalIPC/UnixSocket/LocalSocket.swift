import Glibc
public import NIOCore

/// What a bridge has to know and do beneath a channel of a local socket. Call on the channel's event loop.
public enum LocalSocket {
    /// A second descriptor of the channel's socket, for a channel on another loop. The caller closes it.
    ///
    /// - Returns: nil when the channel is closed or the process has no descriptor left.
    public static func duplicateDescriptor(of channel: any Channel) -> CInt? {
        guard let descriptor = Self.descriptor(of: channel) else { return nil }
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        return copy >= 0 ? copy : nil
    }

    /// Whether the program has closed its socket, not merely ended its direction. Always false for TCP, which cannot tell.
    public static func hasHungUp(_ channel: any Channel) -> Bool {
        guard let descriptor = Self.descriptor(of: channel) else { return true }
        var query = pollfd(fd: descriptor, events: 0, revents: 0)
        return poll(&query, 1, 0) == 1 && query.revents & Int16(POLLHUP) != 0
    }

    /// Ends both directions at the socket. The channel then reads what is left and closes by itself, so that the program
    /// does not see the reset that closing a Unix socket with unread bytes would be.
    public static func shutdownBoth(_ channel: any Channel) {
        guard let descriptor = Self.descriptor(of: channel) else { return }
        shutdown(descriptor, CInt(SHUT_RDWR))
    }

    /// Sets how many connections wait to be accepted.
    static func listen(_ channel: any Channel, backlog: CInt) {
        guard let descriptor = Self.descriptor(of: channel) else { return }
        Glibc.listen(descriptor, backlog)
    }

    private static func descriptor(of channel: any Channel) -> CInt? {
        // An error means that the channel is closed.
        try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { $0 }
    }
}
