public import NIOCore

/// A secured connection that carries many streams. Confined to its event loop.
public protocol MuxedConnection: AnyObject {
    var eventLoop: any EventLoop { get }

    /// Receives inbound streams and the end of the connection. Held strongly until `muxerClosed`.
    ///
    /// While it is nil nothing is read from the socket.
    var delegate: (any MuxedConnectionDelegate)? { get set }

    /// Streams that have not ended, of both directions.
    var streamCount: Int { get }

    /// The last measured round trip, nil before the first.
    var roundTripTime: TimeAmount? { get }

    /// Opens a stream; it needs no round trip.
    ///
    /// - Throws: `.ackBacklogFull` while 256 streams of ours wait for the peer's acknowledgement; `.connectionClosed`
    ///   after the end or a GoAway of either side; `.streamsExhausted` when no stream number is left.
    func openStream() throws(MuxerError) -> any MuxedStream

    /// Says goodbye (GoAway with `code`), ends all streams with `.connectionClosed` and closes the socket.
    ///
    /// The future succeeds when the socket is closed, after 1 s at most even if the peer takes nothing. Idempotent.
    func close(_ code: ConnectionErrorCode) -> EventLoopFuture<Void>
}

/// Receives the events of one muxed connection, on its event loop.
public protocol MuxedConnectionDelegate: AnyObject {
    /// The peer opened a stream. Without a delegate set on it, what it carries is held.
    func muxerAcceptedStream(_ stream: any MuxedStream)

    /// A stream of either direction has ended in both directions; it no longer counts in `streamCount`.
    ///
    /// Called once per stream that `openStream` returned or `muxerAcceptedStream` gave, after its own delegate was told;
    /// also for those that end with the connection, before `muxerClosed`.
    func muxerStreamEnded(_ stream: any MuxedStream)

    /// The connection has ended; all its streams have been closed before. Called exactly once, last.
    func muxerClosed(_ reason: ConnectionCloseReason)
}

/// How a connection ended.
public enum ConnectionCloseReason: Sendable, Hashable {
    /// We closed it.
    case closedLocally(ConnectionErrorCode)
    /// The peer said goodbye first; the code is the one of its GoAway.
    case closedByPeer(ConnectionErrorCode)
    /// The peer broke the muxer's or the secure channel's protocol; the text is for the log.
    case protocolViolation(String)
    /// The peer answered no keep-alive, or the socket failed or ended without a GoAway.
    case transportFailed(String)
}

/// What a muxer refuses.
public enum MuxerError: Error, Sendable, Hashable {
    /// Too many streams of ours are not yet acknowledged by the peer.
    case ackBacklogFull
    /// The connection has ended or is ending.
    case connectionClosed
    /// The stream has ended, or our direction of it.
    case streamClosed
    /// The connection has used up its stream numbers.
    case streamsExhausted
}

/// A way to carry many streams on one secured channel (Yamux).
public protocol MuxerUpgrade: Sendable {
    /// The name in multistream-select, ALPN and the Noise extensions.
    var protocolID: ProtocolID { get }

    /// Adds the muxer at the end of the channel's pipeline. On the channel's event loop.
    func mux(_ channel: any Channel, direction: Direction) throws -> any MuxedConnection
}
