/// What a frame is. Yamux "Type Field".
enum YamuxFrameType: UInt8, Sendable {
    case data = 0
    case windowUpdate = 1
    case ping = 2
    case goAway = 3
}

/// The flags of a frame. Yamux "Flag Field". Unknown bits are kept and mean nothing.
struct YamuxFlags: OptionSet, Hashable, Sendable {
    let rawValue: UInt16

    /// Opens a stream; on a ping: asks for the answer.
    static let syn = YamuxFlags(rawValue: 0x1)
    /// Accepts a stream; on a ping: is the answer.
    static let ack = YamuxFlags(rawValue: 0x2)
    /// Ends the sender's direction.
    static let fin = YamuxFlags(rawValue: 0x4)
    /// Ends both directions at once.
    static let rst = YamuxFlags(rawValue: 0x8)
}

/// The 12 bytes before every frame. Yamux "Framing".
///
/// version (1, always 0) ‖ type (1) ‖ flags (2) ‖ stream number (4) ‖ length (4), big endian.
struct YamuxHeader: Hashable, Sendable {
    static let byteCount = 12

    var type: YamuxFrameType
    var flags: YamuxFlags
    /// 0 for the session (ping, GoAway).
    var streamID: UInt32
    /// Data: bytes that follow. Window update: credit, or the error code beside RST. Ping: opaque. GoAway: error code.
    var length: UInt32

    /// The first eight bytes as one big-endian number.
    var high: UInt64 {
        UInt64(self.type.rawValue) << 48 | UInt64(self.flags.rawValue) << 32 | UInt64(self.streamID)
    }

    /// The last four bytes as one big-endian number.
    var low: UInt32 { self.length }
}

extension YamuxHeader {
    /// What twelve bytes turned out to be.
    enum Parsed: Hashable, Sendable {
        /// A header that later rules may still refuse.
        case header(YamuxHeader)
        /// Close the connection.
        case violation(YamuxViolation)
    }

    /// Reads a header from its first eight and its last four bytes.
    @inline(__always)
    static func parse(high: UInt64, low: UInt32) -> Parsed {
        let version = UInt8(truncatingIfNeeded: high >> 56)
        guard version == 0 else { return .violation(.unknownVersion(version)) }
        let rawType = UInt8(truncatingIfNeeded: high >> 48)
        guard let type = YamuxFrameType(rawValue: rawType) else { return .violation(.unknownType(rawType)) }
        let flags = YamuxFlags(rawValue: UInt16(truncatingIfNeeded: high >> 32))
        return .header(
            YamuxHeader(type: type, flags: flags, streamID: UInt32(truncatingIfNeeded: high), length: low)
        )
    }
}
