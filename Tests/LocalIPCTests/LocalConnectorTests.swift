import Glibc
import LocalIPC
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(1))) struct LocalConnectorTests {
    private let directory: TemporaryDirectory
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func connect(
        _ endpoint: LocalEndpoint,
        owner: UInt32? = nil,
        timeout: TimeAmount = .seconds(10)
    ) async throws -> any Channel {
        let loop = self.loop
        return try await loop.flatSubmit {
            LocalConnector.connect(to: endpoint, on: loop, requiredOwner: owner, timeout: timeout)
        }.get()
    }

    /// Connects until the backlog is full.
    private func fillBacklog(_ path: String) -> [CInt] {
        var clients: [CInt] = []
        while clients.count < 64 {
            let (client, error) = connectByHand(path)
            clients.append(client)
            if error == EAGAIN { return clients }
        }
        Issue.record("the backlog never filled")
        return clients
    }

    @Test func nobodyAtThePathIsNotListening() async throws {
        let missing = LocalEndpoint.unix(path: self.directory.file("missing"))
        await #expect(throws: LocalIPCError.notListening(missing)) { try await self.connect(missing) }

        let dead = LocalEndpoint.unix(path: self.directory.file("dead"))
        close(try makeListener(self.directory.file("dead"), backlog: 1))
        await #expect(throws: LocalIPCError.notListening(dead)) { try await self.connect(dead) }
    }

    @Test func nobodyAtThePortIsNotListening() async throws {
        let listener = try LocalListener(.tcp(host: "127.0.0.1", port: 0))
        let endpoint = listener.endpoint
        listener.close()

        await #expect(throws: LocalIPCError.notListening(endpoint)) { try await self.connect(endpoint) }
    }

    @Test func onlyLoopbackIsDialled() async throws {
        let endpoint = LocalEndpoint.tcp(host: "192.0.2.1", port: 80)
        await #expect(throws: LocalIPCError.self) { try await self.connect(endpoint) }
    }

    @Test func aFullBacklogIsRetriedUntilThereIsRoom() async throws {
        let path = self.directory.file("a.sock")
        let listener = try makeListener(path, backlog: 1)
        var clients = self.fillBacklog(path)
        let loop = self.loop
        let pending = loop.flatSubmit { LocalConnector.connect(to: .unix(path: path), on: loop) }
        // The first attempt runs in the submitted task, so it has met the full backlog once this returns.
        try await loop.submit {}.get()

        clients.append(accept(listener, nil, nil))

        let channel = try await pending.get()
        #expect(channel.isActive)
        try await channel.close().get()
        for client in clients + [listener] { close(client) }
    }

    @Test func aBacklogThatStaysFullTimesOut() async throws {
        let path = self.directory.file("a.sock")
        let listener = try makeListener(path, backlog: 1)
        let clients = self.fillBacklog(path)
        defer { for client in clients + [listener] { close(client) } }

        await #expect(throws: LocalIPCError.timedOut(.unix(path: path))) {
            try await self.connect(.unix(path: path), timeout: .milliseconds(20))
        }
    }

    @Test(.enabled(if: getuid() != 0, "root may listen for anybody"))
    func aListenerOfAnotherUserIsRefused() async throws {
        let path = self.directory.file("a.sock")
        let listener = try makeListener(path, backlog: 1)
        defer { close(listener) }

        let error = LocalIPCError.ownerMismatch(.unix(path: path), expected: getuid() + 1, actual: getuid())
        await #expect(throws: error) { try await self.connect(.unix(path: path), owner: getuid() + 1) }
    }

    @Test func aListenerOfTheSameUserIsConnected() async throws {
        let path = self.directory.file("a.sock")
        let listener = try makeListener(path, backlog: 1)
        defer { close(listener) }

        let channel = try await self.connect(.unix(path: path), owner: getuid())

        try await channel.close().get()
    }

    @Test func aBadPathIsAnError() async throws {
        for path in ["", "/tmp/\u{0}x", "/" + String(repeating: "x", count: 107)] {
            await #expect(throws: LocalIPCError.self) { try await self.connect(.unix(path: path)) }
        }
    }
}
