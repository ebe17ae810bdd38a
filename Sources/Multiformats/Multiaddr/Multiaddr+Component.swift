extension Multiaddr {
    /// One protocol of an address with its value.
    public struct Component: Hashable, Sendable {
        public let `protocol`: MultiaddrProtocol
        /// The value as in the binary form, without the length prefix of variable-size protocols. Empty where the protocol has none.
        public let value: [UInt8]

        /// Takes a value in its binary form.
        ///
        /// - Throws: `.valueSize` and `.value` when the protocol has no such value.
        public init(_ proto: MultiaddrProtocol, value: [UInt8] = []) throws(MultiaddrError) {
            switch proto.definition.size {
            case .fixed(let size):
                guard value.count == size else {
                    throw .valueSize(value.count)
                }
            case .prefixed:
                guard !value.isEmpty, value.count < Multiaddr.maximumLength else {
                    throw .valueSize(value.count)
                }
            }
            do {
                try proto.definition.transcoder.check(value[...])
            } catch {
                throw .value(proto, reason: error.reason)
            }
            self.init(checked: proto, value: value)
        }

        /// Takes a value in its text form; empty where the protocol has none.
        ///
        /// - Throws: `.value` when the protocol has no such value.
        public init(_ proto: MultiaddrProtocol, text: String) throws(MultiaddrError) {
            guard text.utf8.count <= Multiaddr.maximumTextLength else {
                throw .tooLong
            }
            let value: [UInt8]
            do {
                value = try proto.definition.transcoder.parse(text[...])
            } catch {
                throw .value(proto, reason: error.reason)
            }
            try self.init(proto, value: value)
        }

        /// Trusts that the value is one of the protocol's.
        init(checked proto: MultiaddrProtocol, value: [UInt8]) {
            self.protocol = proto
            self.value = value
        }

        /// The value as text: `192.0.2.7`, `4001`, `12D3…`, `/run/x.sock`; empty where the protocol has none.
        public var text: String {
            self.protocol.definition.transcoder.text(self.value[...])
        }

        func write(to bytes: inout [UInt8]) {
            Varint.append(self.protocol.rawValue, to: &bytes)
            if self.protocol.definition.size == .prefixed {
                Varint.append(UInt64(self.value.count), to: &bytes)
            }
            bytes.append(contentsOf: self.value)
        }
    }
}

extension Multiaddr.Component: CustomStringConvertible {
    /// `/name` or `/name/value`.
    public var description: String {
        guard !self.value.isEmpty else {
            return "/\(self.protocol.name)"
        }
        let text = self.text
        // The slash of a path is the one behind the name.
        return self.protocol.isPath && text.hasPrefix("/")
            ? "/\(self.protocol.name)\(text)" : "/\(self.protocol.name)/\(text)"
    }
}

extension Multiaddr.Component {
    public static func ip(_ address: IPAddress) -> Multiaddr.Component {
        switch address {
        case .v4: Multiaddr.Component(checked: .ip4, value: address.bytes)
        case .v6: Multiaddr.Component(checked: .ip6, value: address.bytes)
        }
    }

    public static func tcp(_ port: UInt16) -> Multiaddr.Component {
        Multiaddr.Component(checked: .tcp, value: bigEndian(port))
    }

    public static func udp(_ port: UInt16) -> Multiaddr.Component {
        Multiaddr.Component(checked: .udp, value: bigEndian(port))
    }

    public static func p2p(_ peer: PeerID) -> Multiaddr.Component {
        Multiaddr.Component(checked: .p2p, value: peer.bytes)
    }

    public static let p2pCircuit = Multiaddr.Component(checked: .p2pCircuit, value: [])
    public static let quicV1 = Multiaddr.Component(checked: .quicV1, value: [])
    public static let ws = Multiaddr.Component(checked: .ws, value: [])

    /// The port of `tcp`, `udp`, `sctp` and `dccp`.
    public var port: UInt16? {
        switch self.protocol.definition.transcoder {
        case .port: UInt16(truncatingIfNeeded: MultiaddrTranscoder.number(self.value[...]))
        default: nil
        }
    }

    /// The address of `ip4` and `ip6`.
    public var ipAddress: IPAddress? {
        switch self.protocol {
        case .ip4, .ip6: IPAddress(bytes: self.value)
        default: nil
        }
    }

    /// The peer of `p2p`.
    public var peerID: PeerID? {
        // Checked when the part was made: the value is a peer ID's bytes.
        self.protocol == .p2p ? try? PeerID(bytes: self.value) : nil
    }

    /// The path of `unix`; a value without the leading slash is given one.
    public var path: String? {
        guard self.protocol == .unix else {
            return nil
        }
        let text = self.text
        return text.hasPrefix("/") ? text : "/" + text
    }
}
