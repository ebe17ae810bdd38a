import LibP2PCore
import LibP2PUpgrades
import NIOCore
import NIOEmbedded

/// Feeds a Yamux muxer whatever the bytes say, in either role, in pieces, while its user does things.
///
/// The first byte chooses role, user and size of the pieces; the rest is what the peer sends.
enum YamuxFuzzTarget {
    static func run(_ bytes: [UInt8]) {
        guard let choice = bytes.first else { return }
        let loop = EmbeddedEventLoop()
        let channel = EmbeddedChannel(loop: loop)
        guard let address = try? SocketAddress(unixDomainSocketPath: "peer") else { return }
        channel.connect(to: address, promise: nil)
        let direction: Direction = choice & 1 == 0 ? .inbound : .outbound
        guard let connection = try? YamuxUpgrade().mux(channel, direction: direction) else { return }
        let user = User(choice: choice)
        connection.delegate = user
        loop.run()
        if direction == .outbound {
            for _ in 0..<4 { (try? connection.openStream()).map(user.adopt) }
        }
        let size = 1 + Int(choice >> 5) * 37
        var rest = bytes.dropFirst()
        while !rest.isEmpty, channel.isActive {
            _ = try? channel.writeInbound(ByteBuffer(bytes: rest.prefix(size)))
            rest = rest.dropFirst(size)
            loop.advanceTime(by: .milliseconds(1))
        }
        connection.close(.noError).whenComplete { _ in }
        loop.advanceTime(by: .seconds(2))
        precondition(user.connectionsClosed == 1 && user.streamsEnded == user.streams, "everything ends once")
        _ = try? channel.finish(acceptAlreadyClosed: true)
    }

    private final class User: MuxedConnectionDelegate, MuxedStreamDelegate {
        private let choice: UInt8
        var streams = 0
        var streamsEnded = 0
        var connectionsClosed = 0
        private var last: (any MuxedStream)?

        init(choice: UInt8) {
            self.choice = choice
        }

        func adopt(_ stream: any MuxedStream) {
            self.streams += 1
            self.last = stream
            stream.delegate = self
            if self.choice & 4 != 0 { stream.write(ByteBuffer(string: "answer"), promise: nil) }
            if self.choice & 8 != 0 { stream.closeWrite() }
            if self.choice & 16 != 0, stream.id & 4 != 0 { stream.reset(.noError) }
        }

        func muxerAcceptedStream(_ stream: any MuxedStream) { self.adopt(stream) }
        func muxerStreamEnded(_ stream: any MuxedStream) { self.streamsEnded += 1 }
        func muxerClosed(_ reason: ConnectionCloseReason) {
            self.connectionsClosed += 1
            self.last = nil
        }
        func streamReceived(_ data: ByteBuffer) {
            if self.choice & 2 == 0 { self.last?.returnCredit(data.readableBytes) }
        }
        func streamRemoteClosedWrite() {}
        func streamWritabilityChanged(_ isWritable: Bool) {}
        func streamClosed(_ reason: StreamCloseReason) {}
    }
}
