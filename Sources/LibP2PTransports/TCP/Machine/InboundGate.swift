import Multiformats

/// Counts inbound connections that are not upgraded yet, so that strangers who connect and stall cannot use up descriptors.
struct InboundGate {
    private let maximum: Int
    private let maximumPerAddress: Int
    private var count = 0
    private var countByOrigin: [IPAddress: Int] = [:]

    /// - Parameters:
    ///   - maximum: of all connections.
    ///   - maximumPerAddress: of those from one origin.
    init(maximum: Int, maximumPerAddress: Int) {
        self.maximum = maximum
        self.maximumPerAddress = maximumPerAddress
    }

    enum OnConnection: Hashable {
        /// Go on, and call `finished` with the ticket once.
        case admit(Ticket)
        /// Close it.
        case refuse(Refusal)
    }

    enum Refusal: Hashable {
        /// Too many from everywhere.
        case tooMany
        /// Too many from this address.
        case tooManyFromAddress
    }

    /// A place that is taken until it is given back.
    struct Ticket: Hashable, Sendable {
        fileprivate let origin: IPAddress?
    }

    /// - Parameter address: the peer's, nil when it is not known.
    mutating func receiveConnection(from address: IPAddress?) -> OnConnection {
        guard self.count < self.maximum else {
            return .refuse(.tooMany)
        }
        let origin = address.flatMap(InboundGate.origin)
        if let origin {
            let count = self.countByOrigin[origin, default: 0]
            guard count < self.maximumPerAddress else {
                return .refuse(.tooManyFromAddress)
            }
            self.countByOrigin[origin] = count + 1
        }
        self.count += 1
        return .admit(Ticket(origin: origin))
    }

    /// The connection was upgraded or closed.
    mutating func finished(_ ticket: Ticket) {
        self.count -= 1
        guard let origin = ticket.origin, let count = self.countByOrigin[origin] else {
            return
        }
        self.countByOrigin[origin] = count > 1 ? count - 1 : nil
    }

    /// What one party can be expected to control: an IPv4 address, an IPv6 /64. Loopback is many parties.
    private static func origin(_ address: IPAddress) -> IPAddress? {
        guard !address.isLoopback else {
            return nil
        }
        switch address.unmapped {
        case .v4: return address.unmapped
        case .v6(let high, _): return .v6(high: high, low: 0)
        }
    }
}
