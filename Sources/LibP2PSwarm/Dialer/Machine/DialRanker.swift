import Multiformats
import NIOCore

/// Orders addresses of one peer and says how long after the first each is to be dialled.
///
/// QUIC goes first, then TCP; in each IPv6, shortly after it one IPv4, then the rest ("happy eyeballs", RFC 8305). Public,
/// private and relayed addresses are independent groups; relayed ones wait when there is a public direct one. go-libp2p `dial_ranker.go`.
enum DialRanker {
    struct Ranked: Hashable, Sendable {
        let address: Multiaddr
        /// After the start of the dial.
        let delay: TimeAmount
    }

    /// The earliest first; within one delay by preference.
    static func rank(_ addresses: [Multiaddr]) -> [Ranked] {
        let relayed = addresses.filter(\.isRelayed)
        let direct = addresses.filter { !$0.isRelayed }
        let privateOnes = direct.filter(\.isPrivate)
        let publicOnes = direct.filter { !$0.isPrivate }

        let ranked =
            Self.rank(privateOnes, step: .milliseconds(30), otherStep: .milliseconds(100), offset: .zero)
            + Self.rank(publicOnes, step: .milliseconds(250), otherStep: .seconds(1), offset: .zero)
            + Self.rank(
                relayed,
                step: .milliseconds(250),
                otherStep: .seconds(1),
                offset: publicOnes.isEmpty ? .zero : .milliseconds(500)
            )
        return ranked.enumerated()
            .sorted { ($0.element.delay, $0.offset) < ($1.element.delay, $1.offset) }
            .map(\.element)
    }

    private static func rank(
        _ addresses: [Multiaddr],
        step: TimeAmount,
        otherStep: TimeAmount,
        offset: TimeAmount
    ) -> [Ranked] {
        var ranked: [Ranked] = []
        var start = offset
        for kind in Kind.allCases {
            let group = Self.interleaved(addresses.filter { Kind($0) == kind })
            guard !group.addresses.isEmpty else { continue }
            if !ranked.isEmpty {
                start = start + (kind == .other ? otherStep : step)
            }
            for (index, address) in group.addresses.enumerated() {
                let steps = index == 0 ? 0 : index == 1 ? 1 : group.hasBothFamilies ? 2 : 1
                ranked.append(Ranked(address: address, delay: start + step * steps))
            }
            start = ranked.last?.delay ?? start
        }
        return ranked
    }

    /// IPv6 first, lower ports first; the best IPv4 address is second when there are both.
    private static func interleaved(_ addresses: [Multiaddr]) -> (addresses: [Multiaddr], hasBothFamilies: Bool) {
        func byPort(_ addresses: [Multiaddr]) -> [Multiaddr] {
            addresses.enumerated()
                .sorted { (Self.port($0.element), $0.offset) < (Self.port($1.element), $1.offset) }
                .map(\.element)
        }
        let version6 = byPort(addresses.filter { Self.isVersion6($0) })
        let version4 = byPort(addresses.filter { !Self.isVersion6($0) })
        guard let first = version6.first, let second = version4.first else {
            return (version6 + version4, false)
        }
        return ([first, second] + version6.dropFirst() + version4.dropFirst(), true)
    }

    private static func isVersion6(_ address: Multiaddr) -> Bool {
        if case .v6 = address.ipAddress?.unmapped { return true }
        return false
    }

    private static func port(_ address: Multiaddr) -> UInt16 {
        (address.tcpEndpoint ?? address.udpEndpoint)?.port ?? .max
    }

    private enum Kind: CaseIterable {
        case quic
        case tcp
        case other

        init(_ address: Multiaddr) {
            if address.contains(.quicV1), !address.contains(.webTransport) {
                self = .quic
            } else if address.contains(.tcp), !address.contains(.ws), !address.contains(.wss) {
                self = .tcp
            } else {
                self = .other
            }
        }
    }
}
