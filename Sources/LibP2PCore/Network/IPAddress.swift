public import Multiformats

/// An IP address as a number, for limits, filters and scopes.
public enum IPAddress: Hashable, Sendable {
    case v4(UInt32)
    /// The upper and the lower half.
    case v6(UInt64, UInt64)

    /// Reads 4 or 16 bytes in network order; an IPv4-mapped IPv6 address (`::ffff:a.b.c.d`) becomes the IPv4 one. Nil for other sizes.
    public init?(networkBytes bytes: [UInt8]) {
        func number(_ slice: ArraySlice<UInt8>) -> UInt64 {
            slice.reduce(0) { $0 << 8 | UInt64($1) }
        }
        switch bytes.count {
        case 4:
            self = .v4(UInt32(truncatingIfNeeded: number(bytes[...])))
        case 16:
            let (upper, lower) = (number(bytes.prefix(8)), number(bytes.suffix(8)))
            if upper == 0, lower >> 32 == 0xFFFF {
                self = .v4(UInt32(truncatingIfNeeded: lower))
            } else {
                self = .v6(upper, lower)
            }
        default:
            return nil
        }
    }

    /// The address a multiaddr starts with; nil for names, Unix sockets and others.
    public init?(of address: Multiaddr) {
        for component in address.components {
            switch component.protocol {
            case .ip4, .ip6:
                self.init(networkBytes: component.value)
                return
            case .ip6zone:
                continue
            default:
                return nil
            }
        }
        return nil
    }

    /// How far the address reaches.
    public var scope: AddressScope {
        switch self {
        case .v4(let address): Self.scope(ofIPv4: address)
        case .v6(let upper, let lower): Self.scope(ofIPv6: upper, lower)
        }
    }

    /// The address with all bits after the first `prefixLength` cleared.
    public func masked(to prefixLength: Int) -> IPAddress {
        switch self {
        case .v4(let address):
            let kept = max(0, min(32, prefixLength))
            return .v4(kept == 0 ? 0 : address & (UInt32.max << UInt32(32 - kept)))
        case .v6(let upper, let lower):
            let kept = max(0, min(128, prefixLength))
            let upperMask = kept == 0 ? 0 : kept >= 64 ? UInt64.max : UInt64.max << UInt64(64 - kept)
            let lowerMask = kept <= 64 ? 0 : UInt64.max << UInt64(128 - kept)
            return .v6(upper & upperMask, lower & lowerMask)
        }
    }

    private static func scope(ofIPv4 address: UInt32) -> AddressScope {
        func isIn(_ network: UInt32, _ prefix: UInt32) -> Bool {
            address >> (32 - prefix) == network >> (32 - prefix)
        }
        if isIn(0x7F00_0000, 8) { return .loopback }
        if isIn(0xA9FE_0000, 16) { return .linkLocal }
        if isIn(0x0A00_0000, 8) || isIn(0xAC10_0000, 12) || isIn(0xC0A8_0000, 16) || isIn(0x6440_0000, 10) {
            return .private
        }
        // 0/8 "this network", 192.0.0/24, the documentation and benchmark networks, multicast and the reserved rest.
        let isUnroutable =
            isIn(0x0000_0000, 8) || isIn(0xC000_0000, 24) || isIn(0xC000_0200, 24) || isIn(0xC633_6400, 24)
            || isIn(0xCB00_7100, 24) || isIn(0xC612_0000, 15) || isIn(0xE000_0000, 3)
        return isUnroutable ? .unroutable : .public
    }

    private static func scope(ofIPv6 upper: UInt64, _ lower: UInt64) -> AddressScope {
        if upper == 0 { return lower == 1 ? .loopback : .unroutable }
        if upper >> 54 == 0xFE80 >> 6 { return .linkLocal }
        if upper >> 57 == 0xFC >> 1 { return .private }
        // NAT64 (64:ff9b::/96) reaches whatever the embedded IPv4 address reaches.
        if upper == 0x0064_FF9B_0000_0000, lower >> 32 == 0 {
            return Self.scope(ofIPv4: UInt32(truncatingIfNeeded: lower))
        }
        // Only 2000::/3 is routed; 2001:db8::/32 is for documentation.
        return upper >> 61 == 1 && upper >> 32 != 0x2001_0DB8 ? .public : .unroutable
    }
}

/// How far an address reaches.
public enum AddressScope: Sendable, Hashable {
    /// This machine.
    case loopback
    /// This link, among them the metadata services of clouds.
    case linkLocal
    /// This site: RFC 1918, carrier NAT, unique local IPv6.
    case `private`
    /// Everywhere.
    case `public`
    /// No host: unspecified, multicast, reserved, documentation.
    case unroutable
}

/// Which addresses that came from the network may be kept and dialled.
///
/// Addresses the operator or a local client gives are dialled whatever they are. What another peer tells of itself or of
/// others must not make us knock on doors only we can reach: it is kept only up to the scope it was learnt over.
public enum AddressPolicy {
    /// Whether an address told by a peer may be used.
    ///
    /// - Parameter observed: the remote address of the connection over which it was told.
    public static func mayUse(_ address: Multiaddr, learntOver observed: Multiaddr) -> Bool {
        guard let ip = IPAddress(of: address) else {
            // Names are resolved by whoever dials; Unix sockets and the like never come from the network.
            switch address.components.first?.protocol {
            case .dns, .dns4, .dns6, .dnsaddr: return true
            default: return false
            }
        }
        let over = IPAddress(of: observed)?.scope ?? .public
        switch ip.scope {
        case .public: return true
        case .private: return over == .private || over == .linkLocal || over == .loopback
        case .linkLocal: return over == .linkLocal || over == .loopback
        case .loopback: return over == .loopback
        case .unroutable: return false
        }
    }
}
