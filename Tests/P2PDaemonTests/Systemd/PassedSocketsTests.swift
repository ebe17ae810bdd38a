import Testing

@testable import P2PDaemon

struct PassedSocketsTests {
    private func sockets(_ environment: [String: String]) -> PassedSockets {
        PassedSockets(environment: { environment[$0] }, process: 42)
    }

    @Test func socketsHaveTheirNames() {
        let passed = self.sockets(["LISTEN_PID": "42", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "json:control"])

        #expect(passed.sockets.map(\.descriptor) == [3, 4, 5])
        #expect(passed.sockets.map(\.name) == ["json", "control", "unknown"])
    }

    @Test func anotherProcesssSocketsAreNotOurs() {
        #expect(self.sockets(["LISTEN_PID": "41", "LISTEN_FDS": "3"]).isEmpty)
        #expect(self.sockets(["LISTEN_FDS": "3"]).isEmpty)
        #expect(self.sockets([:]).isEmpty)
    }

    @Test(arguments: ["0", "-1", "x", ""]) func nonsenseIsNoSocket(count: String) {
        #expect(self.sockets(["LISTEN_PID": "42", "LISTEN_FDS": count]).isEmpty)
    }

    @Test func theNumberIsBounded() {
        #expect(self.sockets(["LISTEN_PID": "42", "LISTEN_FDS": "9999999"]).sockets.count == 64)
    }
}
