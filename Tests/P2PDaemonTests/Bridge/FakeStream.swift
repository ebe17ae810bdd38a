import LibP2PCore
import Multiformats
import NIOCore
import Synchronization

/// A muxed stream in memory. Used on its event loop only, but for the initialiser.
final class FakeMuxedStream: MuxedStream, @unchecked Sendable {
    // Unchecked: the tests use it on `eventLoop`.

    let id: UInt64 = 1
    let eventLoop: any EventLoop
    let direction = Direction.inbound
    var isWritable = true
    var pendingWriteBytes = 0

    private(set) var written = ByteBuffer()
    private(set) var isWriteClosed = false
    private(set) var resetCode: StreamErrorCode?
    private(set) var returnedCredit = 0
    private var isClosed = false
    private var heldEvents: [(any MuxedStreamDelegate) -> Void] = []
    /// Called whenever something was written to the stream or it was ended from this side.
    var onChange: (() -> Void)?

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    var delegate: (any MuxedStreamDelegate)? {
        didSet {
            guard let delegate = self.delegate else { return }
            let events = self.heldEvents
            self.heldEvents = []
            for event in events { event(delegate) }
        }
    }

    func write(_ data: ByteBuffer, promise: EventLoopPromise<Void>?) {
        self.eventLoop.preconditionInEventLoop()
        var data = data
        self.written.writeBuffer(&data)
        promise?.succeed()
        self.onChange?()
    }

    func closeWrite() {
        self.isWriteClosed = true
        self.onChange?()
    }

    func reset(_ code: StreamErrorCode) {
        guard !self.isClosed else { return }
        self.resetCode = code
        self.end(.resetLocally(code))
        self.onChange?()
    }

    func returnCredit(_ bytes: Int) {
        self.returnedCredit += bytes
        self.onChange?()
    }

    func unread(_ data: ByteBuffer) {}

    // What the peer does:

    func receive(_ text: String) {
        self.receive(ByteBuffer(string: text))
    }

    func receive(_ data: ByteBuffer) {
        self.tell { $0.streamReceived(data) }
    }

    func remoteEnds() {
        self.tell { $0.streamRemoteClosedWrite() }
    }

    func end(_ reason: StreamCloseReason) {
        guard !self.isClosed else { return }
        self.isClosed = true
        self.tell { $0.streamClosed(reason) }
        self.delegate = nil
    }

    func setWritable(_ isWritable: Bool) {
        self.isWritable = isWritable
        self.tell { $0.streamWritabilityChanged(isWritable) }
    }

    private func tell(_ event: @escaping (any MuxedStreamDelegate) -> Void) {
        if let delegate = self.delegate {
            event(delegate)
        } else {
            self.heldEvents.append(event)
        }
    }
}

/// The connection of a stream in memory: an identity, nothing else.
final class FakeConnection: Connection {
    let id = ConnectionID(rawValue: 1)
    let remotePublicKey: PublicKey
    let localAddress: Multiaddr
    let remoteAddress: Multiaddr
    let direction = Direction.inbound
    let security = ProtocolID("/fake")
    let muxer = ProtocolID("/fake")
    let openedAt = NIODeadline.uptimeNanoseconds(0)
    let eventLoop: any EventLoop
    let isOpen = true

    var remotePeer: PeerID { self.remotePublicKey.peerID }

    init(eventLoop: any EventLoop) throws {
        self.eventLoop = eventLoop
        self.remotePublicKey = try PrivateKey.generate(.ed25519).publicKey
        self.localAddress = try Multiaddr("/ip4/127.0.0.1/tcp/1")
        self.remoteAddress = try Multiaddr("/ip4/127.0.0.1/tcp/2")
    }

    func openStream(_ protocols: [ProtocolID], timeout: TimeAmount) -> EventLoopFuture<Stream> {
        self.eventLoop.makeFailedFuture(NetworkError.connectionClosed)
    }

    func close(_ code: ConnectionErrorCode) -> EventLoopFuture<Void> {
        self.eventLoop.makeSucceededVoidFuture()
    }
}
