/// Why a connection is closed, as the number that Yamux GoAway frames carry.
///
/// libp2p/specs error-codes; the same values as go-libp2p `core/network/conn.go`.
public struct ConnectionErrorCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// A normal end.
    public static let noError = ConnectionErrorCode(rawValue: 0)
    /// Yamux "GoAway": protocol error.
    public static let yamuxProtocolError = ConnectionErrorCode(rawValue: 1)
    /// Yamux "GoAway": internal error.
    public static let yamuxInternalError = ConnectionErrorCode(rawValue: 2)
    public static let protocolNegotiationFailed = ConnectionErrorCode(rawValue: 0x1000)
    public static let resourceLimitExceeded = ConnectionErrorCode(rawValue: 0x1001)
    public static let rateLimited = ConnectionErrorCode(rawValue: 0x1002)
    public static let protocolViolation = ConnectionErrorCode(rawValue: 0x1003)
    public static let supplanted = ConnectionErrorCode(rawValue: 0x1004)
    public static let garbageCollected = ConnectionErrorCode(rawValue: 0x1005)
    public static let shutdown = ConnectionErrorCode(rawValue: 0x1006)
    public static let gated = ConnectionErrorCode(rawValue: 0x1007)
    public static let codeOutOfRange = ConnectionErrorCode(rawValue: 0x1008)
}

/// Why a stream is reset, as the number that Yamux RST frames carry in their length field.
///
/// libp2p/specs error-codes; the same values as go-libp2p `core/network/mux.go`.
public struct StreamErrorCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt32

    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// A reset without a reason.
    public static let noError = StreamErrorCode(rawValue: 0)
    public static let protocolNegotiationFailed = StreamErrorCode(rawValue: 0x1001)
    public static let resourceLimitExceeded = StreamErrorCode(rawValue: 0x1002)
    public static let rateLimited = StreamErrorCode(rawValue: 0x1003)
    public static let protocolViolation = StreamErrorCode(rawValue: 0x1004)
    public static let supplanted = StreamErrorCode(rawValue: 0x1005)
    public static let garbageCollected = StreamErrorCode(rawValue: 0x1006)
    public static let shutdown = StreamErrorCode(rawValue: 0x1007)
    public static let gated = StreamErrorCode(rawValue: 0x1008)
    public static let codeOutOfRange = StreamErrorCode(rawValue: 0x1009)
}
