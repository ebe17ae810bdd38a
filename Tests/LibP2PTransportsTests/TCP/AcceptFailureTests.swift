import Glibc
import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import Synchronization
import Testing

@testable import LibP2PTransports

@Suite struct AcceptFailureTests {
    private let loop = EmbeddedEventLoop()

    @Test(arguments: [EMFILE, ENFILE, ENOMEM, ENOBUFS])
    func aListenerRestsWhenTheSystemIsExhausted(_ code: CInt) throws {
        let handler = AcceptBackoffHandler(backoff: .milliseconds(250), logger: nil)
        let channel = EmbeddedChannel(handler: handler, loop: self.loop)
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }

        channel.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))
        channel.pipeline.fireErrorCaught(IOError(errnoCode: code, reason: "accept"))

        #expect(Self.lastReading(channel) == [false])
        self.loop.advanceTime(by: .milliseconds(249))
        #expect(Self.lastReading(channel) == [false])
        self.loop.advanceTime(by: .milliseconds(1))
        #expect(Self.lastReading(channel) == [true])
        #expect(throws: Never.self) { try channel.throwIfErrorCaught() }
    }

    @Test func oneLostConnectionChangesNothing() throws {
        let handler = AcceptBackoffHandler(backoff: .milliseconds(250), logger: nil)
        let channel = EmbeddedChannel(handler: handler, loop: self.loop)
        defer { _ = try? channel.finish(acceptAlreadyClosed: true) }

        channel.pipeline.fireErrorCaught(IOError(errnoCode: ECONNABORTED, reason: "accept"))

        #expect(Self.lastReading(channel).isEmpty)
        #expect(throws: Never.self) { try channel.throwIfErrorCaught() }
    }

    @Test func aLostSocketIsBoundAgain() throws {
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 4001)
        let binds = Mutex<[SocketAddress?]>([])
        let loop = self.loop
        let channels = (0..<3).map { _ in
            let channel = EmbeddedChannel(loop: loop)
            channel.localAddress = address
            return channel
        }
        let listener = try TCPListener.open(on: loop, configuration: TCPConfiguration(), logger: nil) { bound in
            let count = binds.withLock { binds in
                binds.append(bound)
                return binds.count
            }
            // The first try to bind again fails.
            return count == 2
                ? loop.makeFailedFuture(IOError(errnoCode: EADDRINUSE, reason: "bind"))
                : loop.makeSucceededFuture(channels[count - 1])
        }.wait()

        channels[0].close(promise: nil)
        loop.run()
        #expect(binds.withLock { $0.count } == 1)
        loop.advanceTime(by: .milliseconds(250))
        #expect(binds.withLock { $0.count } == 2)
        loop.advanceTime(by: .milliseconds(250))
        #expect(binds.withLock { $0 } == [nil, address, address])
        let isClosed = Mutex(false)
        channels[2].closeFuture.whenComplete { _ in isClosed.withLock { $0 = true } }
        _ = listener.close()
        loop.run()

        #expect(isClosed.withLock { $0 })
        loop.advanceTime(by: .seconds(10))
        #expect(binds.withLock { $0.count } == 3)
    }

    /// What reading was set to last; nothing when it was not.
    private static func lastReading(_ channel: EmbeddedChannel) -> [Bool] {
        channel.options.compactMap { $0.0 is ChannelOptions.Types.AutoReadOption ? $0.1 as? Bool : nil }
    }
}
