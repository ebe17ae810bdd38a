import Multiformats
import Synchronization

/// The gate that all listeners of a transport share. Usable from any thread.
final class InboundLimiter: Sendable {
    private let gate: Mutex<InboundGate>

    init(_ configuration: TCPConfiguration) {
        self.gate = Mutex(
            InboundGate(
                maximum: configuration.maximumInboundUpgrades,
                maximumPerAddress: configuration.maximumInboundUpgradesPerAddress
            )
        )
    }

    func receiveConnection(from address: IPAddress?) -> InboundGate.OnConnection {
        self.gate.withLock { $0.receiveConnection(from: address) }
    }

    func finished(_ ticket: InboundGate.Ticket) {
        self.gate.withLock { $0.finished(ticket) }
    }
}
