/// The name of a protocol spoken on a stream, such as `/ipfs/ping/1.0.0`.
///
/// Any non-empty text without a newline is a name; a leading slash is customary but not required
/// (hivemind's handlers have none). multistream-select bounds it to 1022 bytes on the wire.
public struct ProtocolID: Hashable, Sendable, Comparable, CustomStringConvertible, ExpressibleByStringLiteral {
    /// The name as it stands on the wire, without length and newline.
    public let rawValue: String

    public init(_ rawValue: String) {
        self.rawValue = rawValue
    }

    public init(stringLiteral value: String) {
        self.rawValue = value
    }

    public var description: String { self.rawValue }

    public static func < (lhs: ProtocolID, rhs: ProtocolID) -> Bool {
        lhs.rawValue < rhs.rawValue
    }
}
