import Glibc
import LocalIPC
import NIOCore
import NIOPosix
import Testing

@Suite(.timeLimit(.minutes(1))) struct LocalListenerTests {
    private let directory: TemporaryDirectory
    private let loop = MultiThreadedEventLoopGroup.singleton.next()

    init() throws {
        self.directory = try TemporaryDirectory()
    }

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    @Test func aConnectionComesWithTheCredentialsOfTheProgram() async throws {
        let endpoint = LocalEndpoint.unix(path: self.directory.file("a.sock"))
        let listener = try LocalListener(endpoint)
        let seen = self.loop.makePromise(of: PeerCredentials?.self)
        try await listener.start(on: self.loop, children: self.loop) { channel, credentials in
            seen.succeed(credentials)
            channel.close(promise: nil)
        }.get()

        let loop = self.loop
        let channel = try await loop.flatSubmit { LocalConnector.connect(to: endpoint, on: loop) }.get()

        #expect(try await seen.futureResult.get() == PeerCredentials(uid: getuid(), gid: getgid(), pid: getpid()))
        try? await channel.close().get()
        listener.close()
    }

    @Test func connectionsMadeBeforeStartAreAcceptedAfterIt() async throws {
        let path = self.directory.file("a.sock")
        let listener = try LocalListener(.unix(path: path))
        let (client, error) = connectByHand(path)
        defer { close(client) }
        #expect(error == 0)

        let seen = self.loop.makePromise(of: Void.self)
        try await listener.start(on: self.loop, children: self.loop) { channel, _ in
            seen.succeed()
            channel.close(promise: nil)
        }.get()

        try await seen.futureResult.get()
        listener.close()
    }

    @Test func aThousandConnectionsWaitToBeAccepted() async throws {
        let path = self.directory.file("a.sock")
        let listener = try LocalListener(.unix(path: path))
        let blocked = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = blocked.next()
        try await listener.start(on: loop, children: loop) { channel, _ in channel.close(promise: nil) }.get()
        var gate: [CInt] = [-1, -1]
        try #require(pipe(&gate) == 0)
        loop.execute { [gate] in
            var byte: UInt8 = 0
            _ = read(gate[0], &byte, 1)
        }

        var clients: [CInt] = []
        var failures = 0
        for _ in 0..<1000 {
            let (client, error) = connectByHand(path)
            clients.append(client)
            if error != 0 { failures += 1 }
        }

        for end in gate.reversed() { close(end) }
        #expect(failures == 0)
        for client in clients { close(client) }
        listener.close()
        try await blocked.shutdownGracefully()
    }

    @Test func aServedPathIsInUseAndStaysServed() throws {
        let endpoint = LocalEndpoint.unix(path: self.directory.file("a.sock"))
        let first = try LocalListener(endpoint)

        #expect(throws: LocalIPCError.addressInUse(endpoint)) { try LocalListener(endpoint) }
        let (client, error) = connectByHand(self.directory.file("a.sock"))
        close(client)
        #expect(error == 0)
        #expect("\(LocalIPCError.addressInUse(endpoint))".hasSuffix(".sock: bind: address already in use"))
        first.close()
    }

    @Test func aDeadSocketIsTakenOver() throws {
        let path = self.directory.file("a.sock")
        close(try makeListener(path, backlog: 1))
        #expect(self.exists(path))

        let listener = try LocalListener(.unix(path: path))

        let (client, error) = connectByHand(path)
        close(client)
        #expect(error == 0)
        #expect(!self.exists(path + ".lock"))
        listener.close()
    }

    @Test func aBusyListenerIsNotTakenForADeadOne() throws {
        let path = self.directory.file("a.sock")
        let busy = try makeListener(path, backlog: 0)
        var clients: [CInt] = []
        defer { for client in clients + [busy] { close(client) } }
        repeat {
            let (client, error) = connectByHand(path)
            clients.append(client)
            if error == EAGAIN { break }
        } while clients.count < 16

        #expect(throws: LocalIPCError.addressInUse(.unix(path: path))) { try LocalListener(.unix(path: path)) }
    }

    @Test func aFileThatIsNoSocketIsLeftAlone() throws {
        let path = self.directory.file("precious")
        close(open(path, O_CREAT | O_WRONLY, 0o600))

        #expect(throws: LocalIPCError.self) { try LocalListener(.unix(path: path)) }

        #expect(self.exists(path))
    }

    @Test func aTakeoverUnderWayElsewhereIsInUse() throws {
        let path = self.directory.file("a.sock")
        close(try makeListener(path, backlog: 1))
        let lock = open(path + ".lock", O_CREAT | O_RDWR, 0o600)
        defer { close(lock) }
        #expect(flock(lock, LOCK_EX) == 0)

        #expect(throws: LocalIPCError.addressInUse(.unix(path: path))) { try LocalListener(.unix(path: path)) }
    }

    @Test(arguments: [107, 108]) func aPathHasAtMost107Bytes(length: Int) throws {
        let start = self.directory.file("")
        let path = start + String(repeating: "x", count: length - start.utf8.count)

        if length <= 107 {
            let listener = try LocalListener(.unix(path: path))
            #expect(self.exists(path))
            listener.close()
        } else {
            #expect(throws: LocalIPCError.self) { try LocalListener(.unix(path: path)) }
        }
    }

    @Test func closingRemovesTheFileButNotASuccessors() throws {
        let path = self.directory.file("a.sock")
        let first = try LocalListener(.unix(path: path))
        first.close()
        #expect(!self.exists(path))

        let second = try LocalListener(.unix(path: path))
        unlink(path)
        let third = try LocalListener(.unix(path: path))
        second.close()
        #expect(self.exists(path))
        third.close()
        #expect(!self.exists(path))
    }

    @Test(arguments: [0o600, 0o660, 0o666] as [UInt32]) func theFileHasTheModeAskedFor(mode: UInt32) throws {
        let path = self.directory.file("a.sock")
        let listener = try LocalListener(.unix(path: path), mode: mode)

        var status = stat()
        #expect(stat(path, &status) == 0)
        #expect(status.st_mode & 0o777 == mode)
        listener.close()
    }

    @Test func tcpIsServedOnLoopbackOnly() throws {
        #expect(throws: LocalIPCError.self) { try LocalListener(.tcp(host: "0.0.0.0", port: 0)) }
        #expect(throws: LocalIPCError.self) { try LocalListener(.tcp(host: "::", port: 0)) }
        #expect(throws: LocalIPCError.self) { try LocalListener(.tcp(host: "localhost", port: 0)) }
        #expect(throws: LocalIPCError.self) { try LocalListener(.tcp(host: "127.0.0.1", port: 65_536)) }

        let listener = try LocalListener(.tcp(host: "127.0.0.1", port: 0))
        guard case .tcp("127.0.0.1", let port) = listener.endpoint else {
            Issue.record("\(listener.endpoint)")
            return
        }
        #expect(port > 0)
        #expect(throws: LocalIPCError.addressInUse(listener.endpoint)) { try LocalListener(listener.endpoint) }
        listener.close()
    }

    @Test func anAdoptedSocketIsServedAndItsFileStays() async throws {
        let path = self.directory.file("a.sock")
        let listener = LocalListener(adopting: try makeListener(path, backlog: 8), endpoint: .unix(path: path))
        let seen = self.loop.makePromise(of: Void.self)
        try await listener.start(on: self.loop, children: self.loop) { channel, _ in
            seen.succeed()
            channel.close(promise: nil)
        }.get()

        let (client, error) = connectByHand(path)
        defer { close(client) }
        #expect(error == 0)
        try await seen.futureResult.get()
        listener.close()
        #expect(self.exists(path))
    }

    @Test func runningOutOfDescriptorsPausesAcceptingWithoutSpinning() async throws {
        await #expect(processExitsWith: .success) {
            let directory = try TemporaryDirectory()
            let path = directory.file("a.sock")
            let loop = MultiThreadedEventLoopGroup.singleton.next()
            let listener = try LocalListener(.unix(path: path))
            let accepted = loop.makePromise(of: Void.self)
            try await listener.start(on: loop, children: loop) { _, _ in accepted.succeed() }.get()
            var hogs: [CInt] = []
            var limit = rlimit()
            getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            limit.rlim_cur = 256
            setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            let client = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0)
            while case let hog = dup(client), hog >= 0 { hogs.append(hog) }
            guard withUnixAddress(path, { connect(client, $0, $1) }) == 0 else { exit(2) }

            let before = clock()
            usleep(250_000)
            let spent = clock() - before
            for hog in hogs { close(hog) }
            try await accepted.futureResult.get()

            // A spinning loop would burn the whole quarter second.
            exit(spent < 100_000 ? 0 : 3)
        }
    }
}
