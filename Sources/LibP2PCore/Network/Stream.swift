public import NIOCore

/// A stream with an agreed protocol. Confined to `eventLoop`.
public final class Stream: @unchecked Sendable {
    // Unchecked: all mutable state is touched on `eventLoop` only, which `preconditionInEventLoop` guards in debug builds.

    public let protocolID: ProtocolID
    public let connection: any Connection

    /// The stream below; `delegate` of it belongs to this object while the negotiation runs.
    public let muxed: any MuxedStream

    private var isNegotiating: Bool
    private var heldDelegate: (any MuxedStreamDelegate)?

    /// How the stream ended while it was negotiated, until a delegate has been told.
    private var heldClose: StreamCloseReason?

    /// - Parameter isNegotiating: true for a lazily proposed protocol whose confirmation is still to come; whoever negotiates calls
    ///   `negotiationEnded` then.
    public init(protocolID: ProtocolID, connection: any Connection, muxed: any MuxedStream, isNegotiating: Bool) {
        self.protocolID = protocolID
        self.connection = connection
        self.muxed = muxed
        self.isNegotiating = isNegotiating
    }

    public var eventLoop: any EventLoop { self.muxed.eventLoop }
    public var direction: Direction { self.muxed.direction }
    public var isWritable: Bool { self.muxed.isWritable }

    /// Receives the stream's events; see `MuxedStream.delegate`. Until it is set, what arrives is held.
    public var delegate: (any MuxedStreamDelegate)? {
        get { self.isNegotiating ? self.heldDelegate : self.muxed.delegate }
        set {
            self.eventLoop.assertInEventLoop()
            if self.isNegotiating {
                self.heldDelegate = newValue
            } else if let reason = self.heldClose {
                guard let newValue else { return }
                self.heldClose = nil
                newValue.streamClosed(reason)
            } else {
                self.muxed.delegate = newValue
            }
        }
    }

    /// Hands the stream to the delegate after a lazy negotiation was confirmed, or failed (the stream is reset then).
    ///
    /// The negotiator has set `muxed.delegate` to nil and put unread bytes back.
    public func negotiationEnded() {
        self.eventLoop.assertInEventLoop()
        guard self.isNegotiating else { return }
        self.isNegotiating = false
        if let delegate = self.heldDelegate {
            self.heldDelegate = nil
            self.muxed.delegate = delegate
        }
    }

    /// Tells the delegate, now or when one is set, that the stream ended while it was negotiated.
    ///
    /// The negotiator was the muxed stream's delegate and has been told so; the muxed stream says it only once.
    public func negotiationEnded(closed reason: StreamCloseReason) {
        self.eventLoop.assertInEventLoop()
        guard self.isNegotiating else { return }
        self.isNegotiating = false
        if let delegate = self.heldDelegate {
            self.heldDelegate = nil
            delegate.streamClosed(reason)
        } else {
            self.heldClose = reason
        }
    }

    public func write(_ data: ByteBuffer, promise: EventLoopPromise<Void>? = nil) {
        self.muxed.write(data, promise: promise)
    }

    public func closeWrite() {
        self.muxed.closeWrite()
    }

    public func reset(_ code: StreamErrorCode) {
        self.muxed.reset(code)
    }

    public func returnCredit(_ bytes: Int) {
        self.muxed.returnCredit(bytes)
    }
}
