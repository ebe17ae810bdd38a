public import NIOCore

/// The limits of a Yamux connection. The window both sides start with, 256 KiB, is fixed by the specification.
public struct YamuxConfiguration: Sendable, Hashable {
    /// Streams the peer may have open at once; further ones are reset with `resourceLimitExceeded`.
    public var maxInboundStreams = 1000
    /// Streams of ours that may wait for the peer's ACK. libp2p/specs yamux §"ACK backlog".
    public var maxUnacknowledgedStreams = 256
    /// How far the receive window of one stream may grow, in bytes.
    public var maxStreamWindowBytes = 16_777_216
    /// How far the receive windows of all streams together may grow beyond their initial size, in bytes.
    public var maxExtraWindowBytes = 67_108_864
    /// Received bytes of all streams that no receiver has returned; the stream that exceeds it is reset.
    public var maxBufferedBytes = 134_217_728
    /// A round trip below this counts as this when a window is judged: on short paths the two hosts, not the wire, make
    /// the delay.
    public var minTuningRoundTrip = TimeAmount.milliseconds(1)

    /// A stream is not writable while more bytes than this wait on it.
    public var writeHighWaterBytes = 262_144
    /// A stream is writable again when no more bytes than this wait on it.
    public var writeLowWaterBytes = 131_072
    /// The largest body sent. With its header it fills one Noise message (65519 bytes).
    public var maxFramePayloadBytes = 65_507
    /// Bytes written to the channel before it is flushed and asked again whether it is writable.
    public var outboundBatchBytes = 131_072

    /// How often the peer is pinged, for the round trip and as keep-alive.
    public var pingInterval = TimeAmount.seconds(30)
    /// How long the peer may be silent after a ping.
    public var pingTimeout = TimeAmount.seconds(10)
    /// How long the channel may stay unwritable.
    public var writeTimeout = TimeAmount.seconds(10)
    /// How long closing may take.
    public var closeTimeout = TimeAmount.seconds(1)

    /// Answers to pings that wait for the channel; further pings are dropped.
    public var maxPendingPongs = 32
    /// Answers of all kinds that wait for the channel, in bytes; beyond it nothing is read from the peer.
    public var maxPendingControlBytes = 65_536
    /// Inbound streams that may be refused or reset at once, before it counts as a flood.
    public var resetBurst = 1000
    /// The same, per second in the long run.
    public var resetsPerSecond = 100
    /// Frames that change nothing which the peer may send at once, before it counts as a flood.
    public var uselessFrameBurst = 1000
    /// The same, per second in the long run.
    public var uselessFramesPerSecond = 20

    public init() {}
}
