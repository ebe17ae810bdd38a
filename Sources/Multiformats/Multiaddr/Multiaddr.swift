/// A self-describing network address, such as `/ip4/192.0.2.7/tcp/4001`. multiformats/multiaddr.
public struct Multiaddr: Hashable, Sendable {
    /// The binary form: (varint code ‖ value)*. Always well-formed.
    ///
    /// Empty only for what is left of an address after its parts were taken away.
    public let bytes: [UInt8]

    /// The most bytes of the binary form that are parsed.
    public static let maximumLength = 8192
    /// The most bytes of the text form that are parsed.
    public static let maximumTextLength = 8192
    /// The most parts that are parsed.
    public static let maximumComponents = 64

    /// Parses the text form.
    ///
    /// `/ipfs/…` is `/p2p/…`; a peer ID may be base58btc or a CID; slashes at the end are ignored.
    public init(_ text: String) throws(MultiaddrError) {
        self.bytes = try Multiaddr.parse(text)
    }

    /// Parses the binary form.
    public init(bytes: [UInt8]) throws(MultiaddrError) {
        guard bytes.count <= Multiaddr.maximumLength else {
            throw .tooLong
        }
        guard !bytes.isEmpty else {
            throw .empty
        }
        var rest = bytes[...]
        var count = 0
        var isEnded = false
        while !rest.isEmpty {
            guard count < Multiaddr.maximumComponents else {
                throw .tooManyComponents
            }
            let (proto, value) = try Multiaddr.readComponent(&rest)
            guard !isEnded else {
                throw .componentAfterPath
            }
            do {
                try proto.definition.transcoder.check(value)
            } catch {
                throw .value(proto, reason: error.reason)
            }
            isEnded = proto.isPath
            count += 1
        }
        self.bytes = bytes
    }

    /// Joins parts. Those behind a path (`/unix`) are left out, as nothing can follow it.
    public init(components: some Sequence<Component>) {
        var bytes: [UInt8] = []
        for component in components {
            component.write(to: &bytes)
            if component.protocol.isPath {
                break
            }
        }
        self.bytes = bytes
    }

    /// The parts in order.
    public var components: [Component] {
        var components: [Component] = []
        var rest = self.bytes[...]
        while let component = Multiaddr.nextComponent(&rest) {
            components.append(component)
        }
        return components
    }

    /// The first part, nil when there is none.
    public var first: Component? {
        var rest = self.bytes[...]
        return Multiaddr.nextComponent(&rest)
    }

    /// The first part that names a protocol.
    public func first(_ proto: MultiaddrProtocol) -> Component? {
        var rest = self.bytes[...]
        while let component = Multiaddr.nextComponent(&rest) {
            if component.protocol == proto {
                return component
            }
        }
        return nil
    }

    public func contains(_ proto: MultiaddrProtocol) -> Bool {
        self.first(proto) != nil
    }

    /// This address followed by one more part. Nothing can follow a path (`/unix`); such an address stays as it is.
    public func appending(_ other: Component) -> Multiaddr {
        Multiaddr(components: self.components + CollectionOfOne(other))
    }

    /// This address followed by another. Nothing can follow a path (`/unix`); such an address stays as it is.
    public func appending(_ other: Multiaddr) -> Multiaddr {
        Multiaddr(components: self.components + other.components)
    }
}

extension Multiaddr: CustomStringConvertible {
    /// The text form.
    public var description: String {
        self.components.map(\.description).joined()
    }
}

extension Multiaddr: Comparable {
    /// By bytes: an order for output, without meaning.
    public static func < (lhs: Multiaddr, rhs: Multiaddr) -> Bool {
        lhs.bytes.lexicographicallyPrecedes(rhs.bytes)
    }
}

extension Multiaddr {
    /// Reads the next part of bytes that have been checked; nil at the end.
    private static func nextComponent(_ bytes: inout ArraySlice<UInt8>) -> Component? {
        // Checked when the address was made: an error here could only mean the end.
        guard !bytes.isEmpty, let (proto, value) = try? Multiaddr.readComponent(&bytes) else {
            return nil
        }
        return Component(checked: proto, value: Array(value))
    }

    /// Takes one part off the front: sizes are checked, the value is not.
    private static func readComponent(
        _ bytes: inout ArraySlice<UInt8>
    ) throws(MultiaddrError) -> (MultiaddrProtocol, value: ArraySlice<UInt8>) {
        let code: UInt64
        do {
            code = try Varint.read(&bytes)
        } catch {
            throw .varint(error)
        }
        guard let proto = MultiaddrProtocol(rawValue: code) else {
            throw .unknownCode(code)
        }
        let size: Int
        switch proto.definition.size {
        case .fixed(let bytes):
            size = bytes
        case .prefixed:
            do {
                // More than there can be is cut to a number that fails below.
                size = Int(min(try Varint.read(&bytes), UInt64(Multiaddr.maximumLength + 1)))
            } catch {
                throw .varint(error)
            }
            guard size > 0 else {
                throw .valueSize(bytes.count)
            }
        }
        guard size <= bytes.count else {
            throw .valueSize(bytes.count)
        }
        let value = bytes.prefix(size)
        bytes = bytes.dropFirst(size)
        return (proto, value)
    }
}
