/// Why text or bytes are no multiaddr.
public enum MultiaddrError: Error, Sendable, Hashable {
    /// A path such as a Unix socket's ends the address.
    case componentAfterPath
    /// Nothing at all.
    case empty
    /// The text is no address; what of it is quoted and the reason.
    case text(String, reason: String)
    /// Longer than `Multiaddr.maximumLength` or `Multiaddr.maximumTextLength`.
    case tooLong
    /// More parts than `Multiaddr.maximumComponents`.
    case tooManyComponents
    /// A code that is not in the table.
    case unknownCode(UInt64)
    /// The bytes of a value are not one.
    case value(MultiaddrProtocol, reason: String)
    /// The bytes end inside a value, or a value has not its protocol's size. How many bytes there are.
    case valueSize(Int)
    /// A code or length is no varint.
    case varint(VarintError)
}

extension MultiaddrError: CustomStringConvertible {
    /// The wording clients of the control protocol know.
    public var description: String {
        switch self {
        case .componentAfterPath: "unexpected component after path component"
        case .empty: "empty multiaddr"
        case .text(let text, let reason): "failed to parse multiaddr \(quoted(text)): \(reason)"
        case .tooLong: "multiaddr too long"
        case .tooManyComponents: "too many components in multiaddr"
        case .unknownCode(let code): "no protocol with code \(code)"
        case .value(let proto, let reason): "invalid value for protocol \(proto.name): \(reason)"
        case .valueSize(let size): "invalid value for size \(size)"
        case .varint(let error): error.description
        }
    }
}
