/// What an address is good for. IANA special-purpose registries, as the network's peers read them.
extension IPAddress {
    public var isLoopback: Bool { IPAddress.loopback.contains { $0.contains(self.unmapped) } }

    /// `0.0.0.0` or `::`.
    public var isUnspecified: Bool { self.unmapped == .v4(0) || self == .v6(high: 0, low: 0) }

    /// `169.254.0.0/16`, `fe80::/10`, or link-local multicast.
    public var isLinkLocal: Bool { IPAddress.linkLocal.contains { $0.contains(self.unmapped) } }

    /// Loopback, link-local, private use, carrier-grade NAT or unique local.
    public var isPrivate: Bool { IPAddress.privateUse.contains { $0.contains(self.unmapped) } }

    /// Globally routable unicast, including addresses behind a NAT64 prefix.
    public var isPublic: Bool {
        let address = self.unmapped
        switch address {
        case .v4:
            return !address.isPrivate && !IPAddress.unroutable.contains { $0.contains(address) }
        case .v6:
            let isUnicast = IPAddress.globalUnicast.contains(address)
            return isUnicast && !IPAddress.unroutable.contains { $0.contains(address) }
                || IPAddress.nat64.contains { $0.contains(address) }
        }
    }

    private struct Network: Sendable {
        let address: IPAddress
        let prefixLength: Int

        /// - Parameter length: of the prefix; 1…64 for IPv6 here, or 96 and 128.
        init(_ address: IPAddress, _ length: Int) {
            self.address = address
            self.prefixLength = length
        }

        func contains(_ other: IPAddress) -> Bool {
            switch (self.address, other) {
            case (.v4(let mine), .v4(let theirs)):
                return (mine ^ theirs).leadingZeroBitCount >= self.prefixLength
            case (.v6(let high, let low), .v6(let otherHigh, let otherLow)):
                let difference = high ^ otherHigh
                let same = difference == 0 ? 64 + (low ^ otherLow).leadingZeroBitCount : difference.leadingZeroBitCount
                return same >= self.prefixLength
            case (.v4, .v6), (.v6, .v4):
                return false
            }
        }
    }

    private static let loopback = [
        Network(.v4(0x7f00_0000), 8),
        Network(.v6(high: 0, low: 1), 128),
    ]

    private static let linkLocal = [
        Network(.v4(0xa9fe_0000), 16),
        Network(.v4(0xe000_0000), 24),
        Network(.v6(high: 0xfe80_0000_0000_0000, low: 0), 10),
        Network(.v6(high: 0xff02_0000_0000_0000, low: 0), 16),
    ]

    private static let privateUse = [
        Network(.v4(0x7f00_0000), 8),  // 127.0.0.0 loopback
        Network(.v4(0x0a00_0000), 8),  // 10.0.0.0
        Network(.v4(0x6440_0000), 10),  // 100.64.0.0 carrier-grade NAT
        Network(.v4(0xac10_0000), 12),  // 172.16.0.0
        Network(.v4(0xc0a8_0000), 16),  // 192.168.0.0
        Network(.v4(0xa9fe_0000), 16),  // 169.254.0.0 link-local
        Network(.v6(high: 0, low: 1), 128),  // ::1 loopback
        Network(.v6(high: 0xfc00_0000_0000_0000, low: 0), 7),  // fc00:: unique local
        Network(.v6(high: 0xfe80_0000_0000_0000, low: 0), 10),  // fe80:: link-local
    ]

    private static let unroutable = [
        Network(.v4(0x0000_0000), 8),  // 0.0.0.0 this network
        Network(.v4(0xc000_0000), 26),  // 192.0.0.0 protocol assignments
        Network(.v4(0xc000_0200), 24),  // 192.0.2.0 documentation
        Network(.v4(0xc058_6300), 24),  // 192.88.99.0 6to4 relays
        Network(.v4(0xc612_0000), 15),  // 198.18.0.0 benchmarking
        Network(.v4(0xc633_6400), 24),  // 198.51.100.0 documentation
        Network(.v4(0xcb00_7100), 24),  // 203.0.113.0 documentation
        Network(.v4(0xe000_0000), 4),  // 224.0.0.0 multicast
        Network(.v4(0xf000_0000), 4),  // 240.0.0.0 reserved
        Network(.v6(high: 0xff00_0000_0000_0000, low: 0), 8),  // ff00:: multicast
        Network(.v6(high: 0x2001_0db8_0000_0000, low: 0), 32),  // 2001:db8:: documentation
    ]

    private static let globalUnicast = Network(.v6(high: 0x2000_0000_0000_0000, low: 0), 3)

    private static let nat64 = [
        Network(.v6(high: 0x0064_ff9b_0001_0000, low: 0), 48),  // RFC 8215
        Network(.v6(high: 0x0064_ff9b_0000_0000, low: 0), 96),  // RFC 6052
    ]
}
