import Glibc
public import NIOCore

/// Who is at the other end of a local connection, as the kernel vouches for (SO_PEERCRED at connect time).
public struct PeerCredentials: Hashable, Sendable {
    public let uid: UInt32
    public let gid: UInt32
    public let pid: Int32

    public init(uid: UInt32, gid: UInt32, pid: Int32) {
        self.uid = uid
        self.gid = gid
        self.pid = pid
    }
}

extension PeerCredentials {
    /// The layout of Linux's `struct ucred`, which the platform module does not show.
    private struct UCred {
        var pid: Int32 = 0
        var uid: UInt32 = .max
        var gid: UInt32 = .max
    }

    /// Asks the kernel about a connected Unix socket; nil for any other socket.
    ///
    /// For an accepted socket it is the process that connected, for a connected one the process that listens.
    public init?(descriptor: CInt) {
        var domain: CInt = 0
        var domainLength = socklen_t(MemoryLayout<CInt>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_DOMAIN, &domain, &domainLength) == 0, domain == AF_UNIX else {
            return nil
        }
        var credentials = UCred()
        var length = socklen_t(MemoryLayout<UCred>.size)
        guard getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0,
            length == socklen_t(MemoryLayout<UCred>.size)
        else { return nil }
        self.init(uid: credentials.uid, gid: credentials.gid, pid: credentials.pid)
    }

    /// Asks the kernel about a channel's Unix socket. Call on the channel's event loop.
    public init?(channel: any Channel) {
        let descriptor = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { $0 }
        // An error means that the channel is closed already: nobody is there to be named.
        guard let descriptor else { return nil }
        self.init(descriptor: descriptor)
    }
}
