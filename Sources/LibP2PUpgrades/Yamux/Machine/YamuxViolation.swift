/// How a peer broke the protocol so badly that the connection ends. The texts are for the log and hold no peer bytes.
enum YamuxViolation: Hashable, Sendable, CustomStringConvertible {
    /// More data for streams that have ended than their windows allowed.
    case excessDataOnEndedStreams
    /// Data or window update on number 0, which is the session's.
    case streamNumberZero
    /// SYN on a number that is or was in use.
    case streamNumberReused(UInt32)
    /// SYN on a number that only we may give.
    case streamNumberOfWrongSide(UInt32)
    /// A flood of frames that change nothing.
    case tooManyUselessFrames
    case unknownType(UInt8)
    case unknownVersion(UInt8)
    /// Data beyond what the window allowed.
    case windowExceeded(streamID: UInt32, length: UInt32, window: Int)

    var description: String {
        switch self {
        case .excessDataOnEndedStreams: "yamux: data for ended streams exceeds what their windows allowed"
        case .streamNumberZero: "yamux: stream frame on number 0"
        case .streamNumberReused(let id): "yamux: SYN reuses stream number \(id)"
        case .streamNumberOfWrongSide(let id): "yamux: SYN on stream number \(id), which is not the peer's to give"
        case .tooManyUselessFrames: "yamux: flood of frames that change nothing"
        case .unknownType(let type): "yamux: unknown frame type \(type)"
        case .unknownVersion(let version): "yamux: unknown version \(version)"
        case .windowExceeded(let id, let length, let window):
            "yamux: data of \(length) bytes on stream \(id) exceeds the window of \(window)"
        }
    }
}
