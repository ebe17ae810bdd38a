public import LibP2PCore
public import LocalIPC
public import NIOCore

/// Joins libp2p streams with local endpoints, 1:1, byte-exact, half-close preserved, back-pressure end to end.
///
/// Implemented by P2PDaemon's Bridge; the control server only decides what is joined.
public protocol StreamBridge: AnyObject, Sendable {
    /// Makes a local client's connection the stream. Takes both; closes both when either ends.
    ///
    /// Called on `channel.eventLoop`, which may differ from the stream's. The channel has no handlers, and `autoRead` is off.
    /// What has been written to the channel before (the answer) is in its queue already and leaves first.
    /// - Parameters:
    ///   - early: bytes the client sent after its request; they go first.
    ///   - inputClosed: the client has already ended its direction (the channel's `ChannelEvent.inputClosed` is past and
    ///     `ChannelOptions.allowRemoteHalfClosure` is on): after `early` the stream's write direction is closed.
    func join(_ channel: any Channel, early: ByteBuffer, inputClosed: Bool, to stream: Stream)

    /// Connects to a handler's endpoint, writes `prologue`, and joins it with the inbound stream. Called on `stream.eventLoop`.
    ///
    /// A listener whose backlog is full is retried with back-off for 10 s before it counts as failed.
    /// - Parameter requiredOwner: when set, a Unix socket's listener must run as this uid (or root), else the connection is refused.
    /// - Returns: on the stream's event loop; succeeds when joined. Fails with `LocalIPCError`; the stream is untouched then, and
    ///   the caller chooses another handler or resets it.
    func deliver(
        _ stream: Stream,
        to endpoint: LocalEndpoint,
        prologue: ByteBuffer,
        requiredOwner: UInt32?
    ) -> EventLoopFuture<Void>
}
