import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded

@testable import LibP2PUpgrades

/// Two channels in memory whose ends are connected by hand, with a TLS upgrade on each.
final class TLSPair {
    let loop = EmbeddedEventLoop()
    let client: EmbeddedChannel
    let server: EmbeddedChannel
    private(set) var clientResult: Result<SecuredPeer, any Error>?
    private(set) var serverResult: Result<SecuredPeer, any Error>?
    let clientReads = Recorder()
    let serverReads = Recorder()

    init() throws {
        self.client = EmbeddedChannel(loop: self.loop)
        self.server = EmbeddedChannel(loop: self.loop)
        let address = try SocketAddress(ipAddress: "127.0.0.1", port: 1)
        self.client.connect(to: address, promise: nil)
        self.server.connect(to: address, promise: nil)
    }

    deinit {
        self.client.close(promise: nil)
        self.server.close(promise: nil)
        // TLS waits a moment for the other side's goodbye.
        self.loop.advanceTime(by: .seconds(1))
    }

    /// - Parameter onSecured: runs in the callback of the server's future.
    func secureServer(
        _ upgrade: TLSUpgrade,
        muxers: [ProtocolID] = ["/yamux/1.0.0"],
        onSecured: @escaping () -> Void = {}
    ) {
        upgrade.secure(self.server, direction: .inbound, expectedPeer: nil, muxers: muxers)
            .assumeIsolated().whenComplete { result in
                self.serverResult = result
                // As the upgrader does: the next handler joins in the callback.
                try? self.server.pipeline.syncOperations.addHandler(self.serverReads)
                onSecured()
            }
    }

    func secureClient(
        _ upgrade: TLSUpgrade,
        expecting peer: PeerID? = nil,
        muxers: [ProtocolID] = ["/yamux/1.0.0"],
        onSecured: @escaping () -> Void = {}
    ) {
        upgrade.secure(self.client, direction: .outbound, expectedPeer: peer, muxers: muxers)
            .assumeIsolated().whenComplete { result in
                self.clientResult = result
                try? self.client.pipeline.syncOperations.addHandler(self.clientReads)
                onSecured()
            }
    }

    /// Carries bytes both ways until nobody has any.
    func exchange() {
        var moved = true
        while moved {
            self.loop.run()
            moved = self.carry(from: self.client, to: self.server)
            self.loop.run()
            moved = self.carry(from: self.server, to: self.client) || moved
        }
    }

    /// Moves everything in one read, as one segment of TCP would.
    @discardableResult
    func carry(from: EmbeddedChannel, to: EmbeddedChannel) -> Bool {
        var bytes = ByteBuffer()
        while let buffer = try? from.readOutbound(as: ByteBuffer.self) { bytes.writeImmutableBuffer(buffer) }
        guard bytes.readableBytes > 0 else { return false }
        if to.isActive { _ = try? to.writeInbound(bytes) }
        return true
    }
}

/// Keeps what arrives.
final class Recorder: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private(set) var bytes: [UInt8] = []
    private(set) var errors: [any Error] = []
    private(set) var isInactive = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        self.bytes += Array(self.unwrapInboundIn(data).readableBytesView)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        self.errors.append(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        self.isInactive = true
    }
}

extension Result where Failure == any Error {
    var securityError: SecurityError? {
        guard case .failure(let error) = self else { return nil }
        return error as? SecurityError
    }
}
