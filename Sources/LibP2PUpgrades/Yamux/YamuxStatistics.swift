/// What a Yamux connection has refused or thrown away since its start.
public struct YamuxStatistics: Sendable, Hashable {
    /// Inbound streams reset because of the limit.
    public var refusedStreams: UInt64 = 0
    /// Bytes that came for streams that had ended.
    public var discardedBytes: UInt64 = 0
    /// Pings that were not answered because too many answers were waiting.
    public var droppedPings: UInt64 = 0
    /// Frames that changed nothing.
    public var uselessFrames: UInt64 = 0

    public init() {}
}
