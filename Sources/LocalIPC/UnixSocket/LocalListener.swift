import Glibc
public import NIOCore
import NIOPosix
import Synchronization

/// A listening socket for programs of this machine: a Unix path, or a port on loopback.
///
/// It exists from `init` on (the kernel queues connections), and hands out connections after `start`. Usable from any thread.
public final class LocalListener: Sendable {
    /// Where programs find it; a port 0 is resolved.
    public let endpoint: LocalEndpoint

    private enum State {
        case bound(CInt)
        case starting
        case serving(any Channel)
        case closed
    }

    private let state: Mutex<State>
    /// The file to remove at the end; nil for TCP and for adopted sockets, which belong to whoever made them.
    private let file: UnixSocketPath.Identity?

    /// Connections the kernel holds until they are accepted; it caps the number at `net.core.somaxconn`.
    private static let backlog: CInt = 4096

    /// Binds and listens.
    ///
    /// A socket file that nobody serves any more, and that is ours, is taken over.
    /// - Parameters:
    ///   - endpoint: the host of a TCP endpoint must be a numeric loopback address.
    ///   - mode: permission bits of the socket file; nil: 0777 less the umask.
    /// - Throws: `.addressInUse`; `.systemError` for a bad path, address or permission.
    public init(_ endpoint: LocalEndpoint, mode: UInt32? = nil) throws(LocalIPCError) {
        switch endpoint {
        case .unix(let path):
            let place = UnixSocketPath(path: path, endpoint: endpoint)
            let socket = try SocketDescriptor.stream(endpoint, family: AF_UNIX)
            if let mode {
                // The file is created with the socket's own mode, so it is never wider than asked, not even for an instant.
                fchmod(socket.rawValue, mode_t(mode))
            }
            try place.bind(socket)
            let file = place.identity()
            do throws(LocalIPCError) {
                if let mode, chmod(path, mode_t(mode)) != 0 {
                    throw .systemError(endpoint, "chmod: \(systemErrorText(errno))")
                }
                try Self.listen(socket, endpoint)
            } catch {
                if let file { place.remove(ifStill: file) }
                throw error
            }
            self.endpoint = endpoint
            self.file = file
            self.state = Mutex(.bound(socket.release()))
        case .tcp(let host, let port):
            let (socket, bound) = try Self.bindLoopback(host: host, port: port, endpoint)
            self.endpoint = bound
            self.file = nil
            self.state = Mutex(.bound(socket))
        }
    }

    /// Serves a socket that is already bound, and listening or not, such as one the service manager passed.
    ///
    /// Takes the descriptor. Its file is left alone at the end.
    /// - Parameter endpoint: what the socket is bound to, for messages and for clients.
    public init(adopting descriptor: CInt, endpoint: LocalEndpoint) {
        self.endpoint = endpoint
        self.file = nil
        self.state = Mutex(.bound(descriptor))
    }

    deinit {
        if case .bound(let descriptor) = self.state.withLock({ $0 }) {
            Glibc.close(descriptor)
            self.removeFile()
        }
    }

    private static func listen(_ socket: borrowing SocketDescriptor, _ endpoint: LocalEndpoint) throws(LocalIPCError) {
        guard Glibc.listen(socket.rawValue, Self.backlog) == 0 else {
            let number = errno
            if number == EADDRINUSE { throw .addressInUse(endpoint) }
            throw .systemError(endpoint, "listen: \(systemErrorText(number))")
        }
    }

    /// Returns a listening descriptor, which the caller closes, and where it listens.
    private static func bindLoopback(
        host: String,
        port: Int,
        _ endpoint: LocalEndpoint
    ) throws(LocalIPCError) -> (CInt, LocalEndpoint) {
        let address = try LoopbackAddress(host: host, port: port, endpoint: endpoint)
        let socket = try SocketDescriptor.stream(endpoint, family: address.family)
        let descriptor = socket.rawValue
        var on: CInt = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
        guard address.withSockaddr({ Glibc.bind(descriptor, $0, $1) }) == 0 else {
            let number = errno
            if number == EADDRINUSE { throw .addressInUse(endpoint) }
            throw .systemError(endpoint, "bind: \(systemErrorText(number))")
        }
        try Self.listen(socket, endpoint)
        let bound = LoopbackAddress.boundPort(of: descriptor) ?? port
        return (socket.release(), .tcp(host: host, port: bound))
    }

    /// Accepts connections from now on.
    ///
    /// Running out of descriptors pauses accepting for a moment; the connections wait in the kernel.
    /// - Parameters:
    ///   - loop: the loop that accepts.
    ///   - group: the loops that connections are spread over.
    ///   - accept: called on the new channel's loop before anything is read from it. It adds handlers at once, synchronously:
    ///     an end of file is read even while `autoRead` is off. The channel allows half-closure, `autoRead` is off, and there
    ///     are no handlers. Credentials are nil for TCP.
    /// - Returns: fails with `ChannelError.alreadyClosed` after `close` or a second `start`.
    public func start(
        on loop: any EventLoop,
        children group: any EventLoopGroup,
        accept: @escaping @Sendable (any Channel, PeerCredentials?) -> Void
    ) -> EventLoopFuture<Void> {
        let descriptor: CInt? = self.state.withLock { state in
            guard case .bound(let descriptor) = state else { return nil }
            state = .starting
            return descriptor
        }
        guard let descriptor else { return loop.makeFailedFuture(ChannelError.alreadyClosed) }
        return ServerBootstrap(group: loop, childGroup: group)
            .serverChannelOption(.maxMessagesPerRead, value: 16)
            .serverChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AcceptPause())
                }
            }
            .childChannelOption(.autoRead, value: false)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                LocalSocketOptions.apply(to: channel)
                accept(channel, PeerCredentials(channel: channel))
                return channel.eventLoop.makeSucceededVoidFuture()
            }
            .withBoundSocket(descriptor)
            .map { self.serve($0) }
    }

    private func serve(_ channel: any Channel) {
        // NIO listens once more, with its own short backlog, when it takes a bound socket.
        LocalSocket.listen(channel, backlog: Self.backlog)
        let wasClosed = self.state.withLock { state in
            if case .closed = state { return true }
            state = .serving(channel)
            return false
        }
        if wasClosed {
            channel.close(promise: nil)
        }
    }

    /// Stops listening and removes the socket file if it is still this listener's. Open connections go on. Idempotent.
    public func close() {
        let before = self.state.withLock { state in
            let before = state
            state = .closed
            return before
        }
        switch before {
        case .bound(let descriptor): Glibc.close(descriptor)
        case .serving(let channel): channel.close(promise: nil)
        case .starting: break
        case .closed: return
        }
        self.removeFile()
    }

    private func removeFile() {
        if case .unix(let path) = self.endpoint, let file = self.file {
            UnixSocketPath(path: path, endpoint: self.endpoint).remove(ifStill: file)
        }
    }
}

/// Stops accepting for a moment when the process has no descriptor left.
///
/// The channel stays readable all the while, so merely not calling `read` would leave the selector spinning.
private final class AcceptPause: ChannelInboundHandler {
    typealias InboundIn = any Channel

    private static let pause = TimeAmount.milliseconds(100)

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let channel = context.channel
        Self.setAutoRead(false, channel)
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            Self.setAutoRead(true, channel)
        }
    }

    private static func setAutoRead(_ isOn: Bool, _ channel: any Channel) {
        // Fails only for a closed channel, which accepts nothing anyway.
        try? channel.syncOptions?.setOption(.autoRead, value: isOn)
    }
}
