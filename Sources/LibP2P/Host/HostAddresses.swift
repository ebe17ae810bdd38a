import LibP2PCore
import Multiformats
import NIOCore
import Synchronization

/// The addresses under which a host can be reached, as far as it knows.
final class HostAddresses: Sendable {
    /// How long a list of the machine's interfaces is used.
    private static let interfaceLifetime = TimeAmount.seconds(5)

    private struct Interfaces {
        var addresses: [IPAddress] = []
        var readAt: NIODeadline?
    }

    private let announced: [Multiaddr]
    private let tellsPrivate: Bool
    private let interfaces = Mutex(Interfaces())

    /// - Parameters:
    ///   - announced: used instead of everything else unless empty.
    ///   - tellsPrivate: whether peers are told of addresses that are not public.
    init(announced: [Multiaddr], tellsPrivate: Bool) {
        self.announced = announced.map(\.withoutPeerID)
        self.tellsPrivate = tellsPrivate
    }

    /// Announced addresses if there are any; else bound ones, `0.0.0.0` and `::` spelt out, and observed ones.
    func all(listening: [Multiaddr], observed: [Multiaddr], now: NIODeadline) -> [Multiaddr] {
        guard self.announced.isEmpty else { return self.announced }
        var known: Set<Multiaddr> = []
        var addresses: [Multiaddr] = []
        for address in listening where address.isUnspecified {
            let own = self.interfaceAddresses(now: now)
            addresses += own.compactMap { Self.replaceIP(of: address, with: $0) }
        }
        addresses += listening.filter { !$0.isUnspecified }
        addresses += observed
        return addresses.filter { known.insert($0).inserted }
    }

    /// Those of `all` that are for peers; each peer is told of the ones it can reach.
    func told(listening: [Multiaddr], observed: [Multiaddr], now: NIODeadline) -> [Multiaddr] {
        let all = self.all(listening: listening, observed: observed, now: now)
        // What was announced by hand is told as it stands.
        guard self.announced.isEmpty, !self.tellsPrivate else { return all }
        return all.filter(\.isPublic)
    }

    private func interfaceAddresses(now: NIODeadline) -> [IPAddress] {
        self.interfaces.withLock { interfaces in
            if let readAt = interfaces.readAt, now - readAt < Self.interfaceLifetime {
                return interfaces.addresses
            }
            // `try?`: without the list we tell fewer addresses, which is no reason to fail.
            let devices = (try? System.enumerateDevices()) ?? []
            interfaces.addresses = devices.compactMap { device in
                // `fe80::1%eth0`: nobody elsewhere can use it.
                guard let text = device.address?.ipAddress, !text.contains("%"), let ip = IPAddress(text) else {
                    return nil
                }
                switch AddressScope(ip) {
                case .linkLocal, .unroutable: return nil
                case .loopback, .private, .public: return ip
                }
            }
            interfaces.readAt = now
            return interfaces.addresses
        }
    }

    /// The same port at another address of the same family.
    static func replaceIP(of address: Multiaddr, with ip: IPAddress) -> Multiaddr? {
        guard let own = address.ipAddress, own.bytes.count == ip.bytes.count else { return nil }
        let parts = address.components.map { part in
            part.ipAddress == nil ? part : .ip(ip)
        }
        return Multiaddr(components: parts)
    }
}
