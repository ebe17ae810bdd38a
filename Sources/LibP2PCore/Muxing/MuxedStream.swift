public import NIOCore

/// One stream of a muxed connection, before anything is known of its protocol.
///
/// Confined to `eventLoop`: every member is used on that loop only, and the delegate is called on it.
public protocol MuxedStream: AnyObject {
    /// The number of the stream on its connection (Yamux: StreamID).
    var id: UInt64 { get }

    var eventLoop: any EventLoop { get }

    /// Who opened the stream.
    var direction: Direction { get }

    /// Receives what happens on the stream. Held strongly until `streamClosed` was called.
    ///
    /// While it is nil, what arrives is held (the flow-control window bounds it) and delivered, in order,
    /// from within the assignment when a delegate is set. A close that happened meanwhile is delivered after the data.
    var delegate: (any MuxedStreamDelegate)? { get set }

    /// False while the bytes accepted by `write` but not yet handed to the socket exceed the high-water mark.
    ///
    /// Writing more is allowed (nothing is lost), but who pipes bytes must stop until `streamWritabilityChanged`.
    var isWritable: Bool { get }

    /// Bytes accepted by `write` that wait for window or socket.
    var pendingWriteBytes: Int { get }

    /// Queues bytes for the peer. They leave at the latest at the end of the current turn of the loop, window permitting.
    ///
    /// The promise succeeds when the bytes were handed to the socket and fails when the stream was reset first.
    /// After `closeWrite` or the end of the stream the promise fails with `MuxerError.streamClosed`.
    func write(_ data: ByteBuffer, promise: EventLoopPromise<Void>?)

    /// Ends our direction after all queued bytes (half-close, Yamux FIN). The peer may go on sending. Idempotent.
    func closeWrite()

    /// Ends both directions at once; queued bytes are dropped. Idempotent; nothing after the stream has ended.
    func reset(_ code: StreamErrorCode)

    /// Says that the receiver has taken this many of the delivered bytes: the peer may send as many more.
    ///
    /// Each delivered byte is returned once. Until then it counts against the receive window, which is what bounds memory.
    func returnCredit(_ bytes: Int)

    /// Puts delivered bytes back in front of what is held, for the next delegate. Only while `delegate` is nil.
    ///
    /// They must not have been returned with `returnCredit`.
    func unread(_ data: ByteBuffer)
}

/// Receives the events of one stream, on the stream's event loop, never re-entrantly from `write`.
public protocol MuxedStreamDelegate: AnyObject {
    /// Bytes from the peer. The receiver owes `returnCredit` for each of them.
    func streamReceived(_ data: ByteBuffer)

    /// The peer ended its direction (Yamux FIN). No `streamReceived` follows. We may go on sending.
    func streamRemoteClosedWrite()

    /// `isWritable` changed.
    func streamWritabilityChanged(_ isWritable: Bool)

    /// The stream has ended in both directions. Called exactly once, last.
    func streamClosed(_ reason: StreamCloseReason)
}

/// How a stream ended.
public enum StreamCloseReason: Sendable, Hashable {
    /// The connection under it is gone.
    case connectionClosed
    /// Both sides ended their direction in order.
    case finished
    /// The peer reset the stream.
    case resetByPeer(StreamErrorCode)
    /// We reset the stream.
    case resetLocally(StreamErrorCode)
}
