import Glibc
import LibP2PCore
import LocalIPC
import NIOCore
import NIOPosix
import P2PDaemon
import Testing

/// A bridge between a stream in memory and one end of a socket pair; the test is the program at the other end.
final class BridgeFixture: Sendable {
    let loop: any EventLoop
    let muxed: FakeMuxedStream
    let stream: Stream
    let channel: any Channel
    /// The program's end: blocking, every call limited to 10 s.
    let program: CInt

    /// - Parameters:
    ///   - acceptedElsewhere: the channel starts on another loop than the stream's.
    ///   - answer: written to the channel before the bridge gets it.
    init(
        early: String = "",
        inputClosed: Bool = false,
        acceptedElsewhere: Bool = false,
        answer: ByteBuffer? = nil,
        limits: BridgeLimits = BridgeLimits()
    ) async throws {
        let group = MultiThreadedEventLoopGroup.singleton
        let loop = group.next()
        self.loop = loop
        let (program, daemon) = try Self.makePair()
        self.program = program
        let muxed = FakeMuxedStream(eventLoop: loop)
        self.muxed = muxed
        let connection = try FakeConnection(eventLoop: loop)
        let stream = Stream(protocolID: "/test/1", connection: connection, muxed: muxed, isNegotiating: false)
        self.stream = stream
        let channelLoop =
            acceptedElsewhere ? group.makeIterator().first { $0 !== loop } ?? loop : loop
        self.channel = try await channelLoop.flatSubmit {
            LocalConnector.adopt(daemon, on: channelLoop).map { channel in
                if let answer { channel.writeAndFlush(answer, promise: nil) }
                Bridge(limits: limits)
                    .join(channel, early: ByteBuffer(string: early), inputClosed: inputClosed, to: stream)
                return channel
            }
        }.get()
    }

    deinit {
        close(self.program)
    }

    private static func makePair() throws -> (CInt, CInt) {
        var pair: [CInt] = [-1, -1]
        try #require(socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &pair) == 0)
        var limit = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return (pair[0], pair[1])
    }

    /// Does something as the stream's peer, or looks at the stream.
    func onStream<R: Sendable>(_ body: @escaping @Sendable (FakeMuxedStream) throws -> R) async throws -> R {
        let muxed = self.muxed
        return try await self.loop.submit { try body(muxed) }.get()
    }

    /// Waits until the stream is in the state described.
    func streamReaches(
        _ condition: @escaping @Sendable (FakeMuxedStream) -> Bool,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let muxed = self.muxed
        let reached = self.loop.makePromise(of: Void.self)
        try await self.loop.submit {
            let check = { if condition(muxed) { reached.succeed() } }
            muxed.onChange = check
            check()
            muxed.eventLoop.assumeIsolated().scheduleTask(in: .seconds(20)) {
                reached.fail(Timeout())
            }
        }.get()
        do {
            try await reached.futureResult.get()
        } catch {
            Issue.record("the stream did not get there", sourceLocation: sourceLocation)
            throw error
        }
    }

    struct Timeout: Error {}

    func send(_ text: String) {
        let bytes = Array(text.utf8)
        #expect(write(self.program, bytes, bytes.count) == bytes.count)
    }

    func endDirection() {
        shutdown(self.program, CInt(SHUT_WR))
    }

    /// Reads exactly this many bytes; fewer at the end of file. nil: an error such as ECONNRESET.
    func read(_ count: Int) -> [UInt8]? {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while bytes.count < count {
            let result = Glibc.read(self.program, &chunk, min(chunk.count, count - bytes.count))
            if result < 0 { return nil }
            if result == 0 { break }
            bytes += chunk[..<result]
        }
        return bytes
    }

    func readText(_ count: Int = .max) -> String? {
        self.read(count).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Waits until the daemon has closed its end.
    func isHungUp() -> Bool {
        var query = pollfd(fd: self.program, events: 0, revents: 0)
        return poll(&query, 1, 20_000) == 1 && query.revents & Int16(POLLHUP) != 0
    }
}
