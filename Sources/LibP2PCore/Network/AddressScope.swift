public import Multiformats

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

    public init(_ ip: IPAddress) {
        let address = ip.unmapped
        if address.isLoopback {
            self = .loopback
        } else if address.isPrivate {
            self = address.isLinkLocal ? .linkLocal : .private
        } else {
            self = address.isPublic ? .public : .unroutable
        }
    }
}

extension IPAddress {
    /// The address with all bits after the first `prefixLength` cleared.
    public func masked(to prefixLength: Int) -> IPAddress {
        switch self {
        case .v4(let address):
            let kept = max(0, min(32, prefixLength))
            return .v4(kept == 0 ? 0 : address & (UInt32.max << UInt32(32 - kept)))
        case .v6(let high, let low):
            let kept = max(0, min(128, prefixLength))
            let highMask = kept == 0 ? 0 : kept >= 64 ? UInt64.max : UInt64.max << UInt64(64 - kept)
            let lowMask = kept <= 64 ? 0 : UInt64.max << UInt64(128 - kept)
            return .v6(high: high & highMask, low: low & lowMask)
        }
    }
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
        guard let ip = address.ipAddress else {
            // Who dials a name resolves it first; Unix sockets and the like never come from the network.
            return address.domainName != nil
        }
        let over = observed.ipAddress.map { AddressScope($0) } ?? .public
        switch AddressScope(ip) {
        case .public: return true
        case .private: return over == .private || over == .linkLocal || over == .loopback
        case .linkLocal: return over == .linkLocal || over == .loopback
        case .loopback: return over == .loopback
        case .unroutable: return false
        }
    }
}
