import Multiformats
import Testing

@testable import LibP2PTransports

@Suite struct InboundGateTests {
    @Test func placesAreLimitedAltogether() {
        var gate = InboundGate(maximum: 2, maximumPerAddress: 2)
        let first = gate.receiveConnection(from: IPAddress("192.0.2.1"))

        #expect(Self.isAdmitted(gate.receiveConnection(from: IPAddress("192.0.2.2"))))
        #expect(gate.receiveConnection(from: IPAddress("192.0.2.3")) == .refuse(.tooMany))
        #expect(gate.receiveConnection(from: nil) == .refuse(.tooMany))
        Self.finish(first, &gate)
        #expect(Self.isAdmitted(gate.receiveConnection(from: nil)))
    }

    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1", true), ("192.0.2.1", "192.0.2.2", false), ("192.0.2.1", "::ffff:192.0.2.1", true),
        ("2001:db8::1", "2001:db8::2:3:4:5", true), ("2001:db8::1", "2001:db8:0:1::1", false),
        ("127.0.0.1", "127.0.0.1", false), ("::1", "::1", false),
    ])
    func placesAreLimitedByOrigin(_ one: String, _ other: String, _ isSameOrigin: Bool) {
        var gate = InboundGate(maximum: 10, maximumPerAddress: 1)
        let first = gate.receiveConnection(from: IPAddress(one))

        let second = gate.receiveConnection(from: IPAddress(other))

        #expect((second == .refuse(.tooManyFromAddress)) == isSameOrigin)
        Self.finish(first, &gate)
        #expect(Self.isAdmitted(gate.receiveConnection(from: IPAddress(one))))
    }

    private static func isAdmitted(_ result: InboundGate.OnConnection) -> Bool {
        if case .admit = result { true } else { false }
    }

    private static func finish(_ result: InboundGate.OnConnection, _ gate: inout InboundGate) {
        if case .admit(let ticket) = result {
            gate.finished(ticket)
        }
    }
}
