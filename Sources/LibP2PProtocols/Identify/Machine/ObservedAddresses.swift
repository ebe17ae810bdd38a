import LibP2PCore
import Multiformats

/// Learns from what peers say they see where we can be reached from outside.
///
/// An address counts once four observers in different networks report it for the same port of ours; at most three per port.
/// Only connections to a port that we listen on count: the port of an outbound connection is nobody's to dial.
struct ObservedAddresses {
    private static let activationThreshold = 4
    private static let maximumPerPort = 3

    /// What one connection reports.
    private struct Report: Hashable {
        /// The listen address without its IP address, in binary form: `/tcp/4001`.
        let port: [UInt8]
        let external: Multiaddr
    }

    private var reports: [ConnectionID: (report: Report, observer: IPAddress)] = [:]
    /// How many connections of an observer report it.
    private var observers: [Report: [IPAddress: Int]] = [:]

    /// Addresses that enough observers report, best attested first.
    private(set) var active: [Multiaddr] = []

    init() {}

    enum OnReport: Equatable {
        /// Tell the peers: our addresses are others now.
        case announce
        case nothing
    }

    /// Takes the address at which the peer of a connection sees us, in place of what that connection reported before.
    mutating func receive(
        _ observed: Multiaddr,
        on connection: ConnectionID,
        localAddress: Multiaddr,
        remoteAddress: Multiaddr,
        listenAddresses: [Multiaddr]
    ) -> OnReport {
        guard let observer = Self.observer(at: remoteAddress), let ip = observed.ipAddress, AddressScope(ip) == .public,
            let port = Self.port(localAddress, of: listenAddresses),
            observed.components.map(\.protocol) == localAddress.components.map(\.protocol)
        else {
            return self.connectionClosed(connection)
        }
        let report = Report(port: port, external: observed)
        if let held = self.reports[connection] {
            guard held.report != report || held.observer != observer else { return .nothing }
            self.drop(connection)
        }
        self.reports[connection] = (report, observer)
        self.observers[report, default: [:]][observer, default: 0] += 1
        return self.refresh()
    }

    mutating func connectionClosed(_ connection: ConnectionID) -> OnReport {
        guard self.reports[connection] != nil else { return .nothing }
        self.drop(connection)
        return self.refresh()
    }

    private mutating func drop(_ connection: ConnectionID) {
        guard let (report, observer) = self.reports.removeValue(forKey: connection) else { return }
        guard var observers = self.observers.removeValue(forKey: report) else { return }
        let left = (observers[observer] ?? 1) - 1
        observers[observer] = left > 0 ? left : nil
        if !observers.isEmpty {
            self.observers[report] = observers
        }
    }

    private mutating func refresh() -> OnReport {
        let attested = self.observers.filter { $0.value.count >= Self.activationThreshold }
        let byPort = Dictionary(grouping: attested, by: \.key.port)
        let best = byPort.values.flatMap { reports in
            reports.sorted {
                ($0.value.count, $1.key.external.description) > ($1.value.count, $0.key.external.description)
            }
            .prefix(Self.maximumPerPort)
        }
        let addresses = best.map(\.key.external).sorted { $0.description < $1.description }
        guard addresses != self.active else { return .nothing }
        self.active = addresses
        return .announce
    }

    /// An IPv4 address, or the /56 of an IPv6 address: what one observer can easily have many of counts once.
    private static func observer(at address: Multiaddr) -> IPAddress? {
        guard let ip = address.ipAddress?.unmapped else { return nil }
        switch AddressScope(ip) {
        case .private, .public: break
        case .linkLocal, .loopback, .unroutable: return nil
        }
        if case .v6 = ip { return ip.masked(to: 56) }
        return ip
    }

    /// What follows the IP address in `local`, if that is one of the listen addresses.
    private static func port(_ local: Multiaddr, of listenAddresses: [Multiaddr]) -> [UInt8]? {
        let parts = local.components
        guard let ip = local.ipAddress, parts.count >= 2, !local.isRelayed else { return nil }
        let rest = parts.dropFirst()
        let isOurs = listenAddresses.contains { listen in
            guard let listenIP = listen.ipAddress, listenIP.bytes.count == ip.bytes.count else { return false }
            return listen.components.dropFirst() == rest && (listenIP == ip || listenIP.isUnspecified)
        }
        return isOurs ? Multiaddr(components: Array(rest)).bytes : nil
    }
}
