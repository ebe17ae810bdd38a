import LibP2PCore
public import Multiformats

/// The addresses that share a prefix, such as `192.0.2.0/24`.
public struct AddressBlock: Hashable, Sendable, CustomStringConvertible {
    /// With all bits after the prefix cleared.
    public let address: IPAddress
    /// 0…32 for IPv4, 0…128 for IPv6.
    public let prefixLength: Int

    /// Nil when the prefix is longer than the address.
    public init?(_ address: IPAddress, prefixLength: Int) {
        let bits = if case .v4 = address { 32 } else { 128 }
        guard (0...bits).contains(prefixLength) else { return nil }
        self.address = address.masked(to: prefixLength)
        self.prefixLength = prefixLength
    }

    /// Reads `192.0.2.0/24`, or one address without a prefix length; nil for anything else.
    public init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, let address = IPAddress(first) else { return nil }
        let bits = if case .v4 = address { 32 } else { 128 }
        guard parts.count == 2 else {
            self.init(address, prefixLength: bits)
            return
        }
        guard let length = Int(parts[1]), String(length) == parts[1] else { return nil }
        self.init(address, prefixLength: length)
    }

    public func contains(_ ip: IPAddress) -> Bool {
        switch (self.address, ip) {
        case (.v4, .v4), (.v6, .v6): ip.masked(to: self.prefixLength) == self.address
        case (.v4, .v6), (.v6, .v4): false
        }
    }

    public var description: String { "\(self.address)/\(self.prefixLength)" }
}
