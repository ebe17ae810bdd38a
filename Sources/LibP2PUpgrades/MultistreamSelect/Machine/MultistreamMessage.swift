import LibP2PCore
import NIOCore

/// One message of multistream-select.
///
/// varint length of what follows ‖ UTF-8 text ‖ `0x0A`; the length is 1…1024 and at most two bytes long.
/// libp2p/specs connections/README.md §"multistream-select", r1.
enum MultistreamMessage: Hashable {
    /// `/multistream/1.0.0`
    case header
    /// `ls`, a question for the list of protocols.
    case list
    /// `na`
    case notAvailable
    /// A proposal, or its echo.
    case name(ProtocolID)

    /// Including the newline, without the length; what the other implementations hold to.
    static let maximumBytes = 1024

    /// Without the newline. One less than would fit, as `ProtocolID` promises.
    static let maximumNameBytes = 1022

    /// Takes the first message out of `buffer`.
    ///
    /// - Returns: nil when more bytes are needed; `buffer` is as before then and holds at most 1025 bytes.
    static func read(from buffer: inout ByteBuffer) throws(MultistreamError) -> MultistreamMessage? {
        let bytes = buffer.readableBytesView
        guard let first = bytes.first else { return nil }
        var length = Int(first)
        var prefix = 1
        if first >= 0x80 {
            guard let second = bytes.dropFirst().first else { return nil }
            // Three bytes of length would be 16384 at least.
            guard second < 0x80 else { throw .messageTooLong }
            guard second != 0 else { throw .malformedMessage }
            length = Int(first & 0x7F) | Int(second) << 7
            prefix = 2
        }
        guard length <= Self.maximumBytes else { throw .messageTooLong }
        guard length > 0 else { throw .malformedMessage }
        guard bytes.count >= prefix + length else { return nil }
        let text = bytes.dropFirst(prefix).prefix(length)
        guard text.last == 0x0A, let name = String(validating: text.dropLast(), as: UTF8.self), !name.isEmpty else {
            throw .malformedMessage
        }
        buffer.moveReaderIndex(forwardBy: prefix + length)
        return Self(name)
    }

    private init(_ name: String) {
        switch name {
        case Words.header: self = .header
        case Words.list: self = .list
        case Words.notAvailable: self = .notAvailable
        default: self = .name(ProtocolID(name))
        }
    }

    /// Appends the message to `buffer`.
    ///
    /// - Throws: `.nameNotEncodable`, for names only.
    func write(to buffer: inout ByteBuffer) throws(MultistreamError) {
        let text: String
        switch self {
        case .header: text = Words.header
        case .list: text = Words.list
        case .notAvailable: text = Words.notAvailable
        case .name(let name):
            text = name.rawValue
            guard
                !text.isEmpty, text.utf8.count <= Self.maximumNameBytes, !text.utf8.contains(0x0A),
                text != Words.header, text != Words.list, text != Words.notAvailable
            else { throw .nameNotEncodable }
        }
        let length = text.utf8.count + 1
        if length < 0x80 {
            buffer.writeInteger(UInt8(length))
        } else {
            buffer.writeInteger(UInt8(truncatingIfNeeded: length & 0x7F | 0x80))
            buffer.writeInteger(UInt8(truncatingIfNeeded: length >> 7))
        }
        buffer.writeString(text)
        buffer.writeInteger(UInt8(0x0A))
    }

    private enum Words {
        static let header = "/multistream/1.0.0"
        static let list = "ls"
        static let notAvailable = "na"
    }
}
