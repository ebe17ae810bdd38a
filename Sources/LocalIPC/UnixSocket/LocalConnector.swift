import Glibc
public import NIOCore
import NIOPosix

/// Connects to programs that listen on this machine.
public enum LocalConnector {
    /// How long a listener with a full backlog is given, and a loopback port to answer.
    public static let defaultTimeout = TimeAmount.seconds(10)

    private static let firstPause = TimeAmount.milliseconds(1)
    private static let longestPause = TimeAmount.milliseconds(100)

    /// Connects on the loop; never blocks it. Call on the loop.
    ///
    /// - Parameters:
    ///   - requiredOwner: when set, a Unix socket's listener must run as this uid or as root.
    ///   - timeout: from now; while a Unix listener's backlog is full the attempt is repeated with growing pauses.
    ///   - initializer: adds handlers to the new channel before anything is read from it.
    /// - Returns: a channel that allows half-closure, with `autoRead` off. Fails with `LocalIPCError`.
    public static func connect(
        to endpoint: LocalEndpoint,
        on loop: any EventLoop,
        requiredOwner: UInt32? = nil,
        timeout: TimeAmount = Self.defaultTimeout,
        initializer: @escaping @Sendable (any Channel) throws -> Void = { _ in }
    ) -> EventLoopFuture<any Channel> {
        let promise = loop.makePromise(of: (any Channel).self)
        do throws(LocalIPCError) {
            switch endpoint {
            case .unix(let path):
                let attempt = UnixConnectAttempt(
                    endpoint: endpoint,
                    address: try UnixAddress(path, endpoint: endpoint),
                    descriptor: try SocketDescriptor.stream(endpoint, family: AF_UNIX),
                    requiredOwner: requiredOwner,
                    deadline: loop.now + timeout,
                    loop: loop,
                    promise: promise,
                    initializer: initializer
                )
                attempt.run(pause: Self.firstPause, longestPause: Self.longestPause)
            case .tcp(let host, let port):
                _ = try LoopbackAddress(host: host, port: port, endpoint: endpoint)
                Self.connectLoopback(endpoint, host, port, loop, timeout, initializer).cascade(to: promise)
            }
        } catch {
            promise.fail(error)
        }
        return promise.futureResult
    }

    private static func connectLoopback(
        _ endpoint: LocalEndpoint,
        _ host: String,
        _ port: Int,
        _ loop: any EventLoop,
        _ timeout: TimeAmount,
        _ initializer: @escaping @Sendable (any Channel) throws -> Void
    ) -> EventLoopFuture<any Channel> {
        let address: SocketAddress
        do {
            address = try SocketAddress(ipAddress: host, port: port)
        } catch {
            return loop.makeFailedFuture(LocalIPCError.systemError(endpoint, "not a numeric IP address"))
        }
        return ClientBootstrap(group: loop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .connectTimeout(timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    LocalSocketOptions.apply(to: channel)
                    try initializer(channel)
                }
            }
            .connect(to: address)
            .flatMapErrorThrowing { error in throw Self.translate(error, endpoint) }
    }

    private static func translate(_ error: any Error, _ endpoint: LocalEndpoint) -> LocalIPCError {
        if let error = error as? LocalIPCError { return error }
        if let error = error as? IOError {
            return error.errnoCode == ECONNREFUSED
                ? .notListening(endpoint) : .systemError(endpoint, "connect: \(systemErrorText(error.errnoCode))")
        }
        if case ChannelError.connectTimeout = error { return .timedOut(endpoint) }
        return .systemError(endpoint, "connect: \(error)")
    }

    /// Makes a channel of a connected socket, with the options every local channel has. Call on the loop.
    ///
    /// Takes the descriptor; closes it on failure.
    public static func adopt(
        _ descriptor: CInt,
        on loop: any EventLoop,
        initializer: @escaping @Sendable (any Channel) throws -> Void = { _ in }
    ) -> EventLoopFuture<any Channel> {
        LocalSocketOptions.apply(to: descriptor)
        return ClientBootstrap(group: loop)
            .channelOption(.autoRead, value: false)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try initializer(channel) }
            }
            .withConnectedSocket(descriptor)
    }
}

/// One connect to a Unix socket, repeated while the listener's backlog is full.
private final class UnixConnectAttempt: @unchecked Sendable {
    // Unchecked: used on `loop` only; the scheduled repetition runs there.

    private let endpoint: LocalEndpoint
    private let address: UnixAddress
    private var descriptor: CInt
    private let requiredOwner: UInt32?
    private let deadline: NIODeadline
    private let loop: any EventLoop
    private let promise: EventLoopPromise<any Channel>
    private let initializer: @Sendable (any Channel) throws -> Void

    init(
        endpoint: LocalEndpoint,
        address: UnixAddress,
        descriptor: consuming SocketDescriptor,
        requiredOwner: UInt32?,
        deadline: NIODeadline,
        loop: any EventLoop,
        promise: EventLoopPromise<any Channel>,
        initializer: @escaping @Sendable (any Channel) throws -> Void
    ) {
        self.endpoint = endpoint
        self.address = address
        self.descriptor = descriptor.release()
        self.requiredOwner = requiredOwner
        self.deadline = deadline
        self.loop = loop
        self.promise = promise
        self.initializer = initializer
    }

    deinit {
        if self.descriptor >= 0 {
            close(self.descriptor)
        }
    }

    func run(pause: TimeAmount, longestPause: TimeAmount) {
        let descriptor = self.descriptor
        if self.address.withSockaddr({ Glibc.connect(descriptor, $0, $1) }) == 0 {
            return self.connected()
        }
        switch errno {
        case EAGAIN, EINTR:
            // EAGAIN on a Unix socket means that the backlog is full; nothing is in progress and no event will come.
            guard self.loop.now + pause < self.deadline else {
                return self.promise.fail(LocalIPCError.timedOut(self.endpoint))
            }
            self.loop.scheduleTask(in: pause) {
                let next = TimeAmount.nanoseconds(min(pause.nanoseconds &* 2, longestPause.nanoseconds))
                self.run(pause: next, longestPause: longestPause)
            }
        case ECONNREFUSED, ENOENT:
            self.promise.fail(LocalIPCError.notListening(self.endpoint))
        case let number:
            self.promise.fail(LocalIPCError.systemError(self.endpoint, "connect: \(systemErrorText(number))"))
        }
    }

    private func connected() {
        if let requiredOwner = self.requiredOwner {
            guard let listener = PeerCredentials(descriptor: self.descriptor) else {
                let text = "connect: the system does not say who listens"
                return self.promise.fail(LocalIPCError.systemError(self.endpoint, text))
            }
            guard listener.uid == requiredOwner || listener.uid == 0 else {
                return self.promise.fail(
                    LocalIPCError.ownerMismatch(self.endpoint, expected: requiredOwner, actual: listener.uid)
                )
            }
        }
        let descriptor = self.descriptor
        self.descriptor = -1
        let endpoint = self.endpoint
        LocalConnector.adopt(descriptor, on: self.loop, initializer: self.initializer)
            .flatMapErrorThrowing { throw LocalIPCError.systemError(endpoint, "connect: \($0)") }
            .cascade(to: self.promise)
    }
}
