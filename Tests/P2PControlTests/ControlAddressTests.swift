import Testing

@testable import P2PControl

@Suite struct ControlAddressTests {
    @Test(
        arguments: [
            ("/run/p2pd/control.sock", .unix(path: "/run/p2pd/control.sock")),
            ("here.sock", .unix(path: "here.sock")),
            ("/unix/tmp/p2pd.sock", .unix(path: "/tmp/p2pd.sock")),
            ("/unix//tmp/p2pd.sock", .unix(path: "//tmp/p2pd.sock")),
            ("/ip4/127.0.0.1/tcp/5001", .tcp(host: "127.0.0.1", port: 5001)),
            ("/ip6/::1/tcp/5001", .tcp(host: "::1", port: 5001)),
            ("/ip4/127.0.0.1", nil),
            ("/ip4/127.0.0.1/udp/1", nil),
            ("", nil),
        ] as [(String, ControlAddress?)]
    )
    func addressesAreReadInTheirThreeForms(_ text: String, _ expected: ControlAddress?) {
        #expect(ControlAddress(text) == expected)
    }

    @Test func aSocketThatIsNotThereIsUnreachable() {
        let address = ControlAddress.unix(path: "/nonexistent/p2pd.sock")

        #expect(throws: ControlClientError.unreachable(address, "No such file or directory")) {
            _ = try ControlClient(address)
        }
    }
}
