import Glibc
import NIOCore

/// What every local connection is set up with.
enum LocalSocketOptions {
    /// Makes small messages leave at once, and lets the kernel notice a program that is gone, where the socket is TCP.
    ///
    /// A loopback program that closes looks like one that only half-closed; the probe tells them apart, because nothing answers
    /// for a closed socket after a minute. Unix sockets report a full close by themselves.
    static func apply(to channel: any Channel) {
        let descriptor = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { $0 }
        // An error means that the channel is closed already.
        guard let descriptor else { return }
        Self.apply(to: descriptor)
    }

    static func apply(to descriptor: CInt) {
        var domain: CInt = 0
        var length = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0, domain != AF_UNIX else { return }
        Self.set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        Self.set(descriptor, CInt(IPPROTO_TCP), TCP_KEEPIDLE, 60)
        Self.set(descriptor, CInt(IPPROTO_TCP), TCP_KEEPINTVL, 15)
        Self.set(descriptor, CInt(IPPROTO_TCP), TCP_KEEPCNT, 4)
        Self.set(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, 1)
    }

    private static func set(_ descriptor: CInt, _ level: CInt, _ option: CInt, _ value: CInt) {
        var value = value
        setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<CInt>.size))
    }
}
