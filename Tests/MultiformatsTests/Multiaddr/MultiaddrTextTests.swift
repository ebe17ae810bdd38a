import Multiformats
import Testing

@Suite struct MultiaddrTextTests {
    @Test(arguments: MultiaddrVectors.valid)
    func validTextSurvivesTheBinaryForm(_ text: String) throws {
        let address = try Multiaddr(text)

        let decoded = try Multiaddr(bytes: address.bytes)

        #expect(decoded == address)
        // Texts with several spellings (CIDs, old names, slashes at the end) print in one of them.
        #expect(try Multiaddr(decoded.description) == address)
        #expect(Multiaddr(components: address.components) == address)
    }

    @Test(arguments: MultiaddrVectors.invalid)
    func invalidTextIsRefused(_ text: String) {
        #expect(throws: MultiaddrError.self) { try Multiaddr(text) }
    }

    @Test(
        arguments: [
            ("/ip4/127.0.0.1/udp/1234", "047f000001910204d2"),
            ("/ip4/127.0.0.1/tcp/4321", "047f0000010610e1"),
            ("/ip4/127.0.0.1/udp/1234/ip4/127.0.0.1/tcp/4321", "047f000001910204d2047f0000010610e1"),
            ("/onion/aaimaq4ygg2iegci:80", "bc030010c0439831b48218480050"),
            (
                "/onion3/vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd:1234",
                "bd03adadec040be047f9658668b11a504f3155001f231a37f54c4476c07fb4cc139ed7e30304d2"
            ),
            ("/garlic64/\(MultiaddrVectors.garlic64)", MultiaddrVectors.garlic64Hex),
            (
                "/garlic32/566niximlxdzpanmn4qouucvua3k7neniwss47li5r6ugoertzuq",
                "bf0320efbcd45d0c5dc79781ac6f20ea5055a036afb48d45a52e7d68ec7d4338919e69"
            ),
            ("/unix/tmp/p2pd.sock", "9003" + "0e" + "2f746d702f703270642e736f636b"),
            ("/ip6/::1/tcp/8080/ws", "2900000000000000000000000000000001061f90dd03"),
            ("/ip6zone/x/ip6/fe80::1", "2a017829fe800000000000000000000000000001"),
            ("/ip4/192.0.2.0/ipcidr/24", "04c00002002b18"),
            ("/dns4/example.com", "360b6578616d706c652e636f6d"),
            ("/memory/4", "89060000000000000004"),
        ] as [(String, String)]
    )
    func textAndBytesAreTheSpecified(_ text: String, _ hex: String) throws {
        let bytes = try Multibase.base16.decodeWithoutPrefix(hex)

        #expect(try Multiaddr(text).bytes == bytes)
        #expect(try Multiaddr(bytes: bytes).description == text)
    }

    @Test(
        arguments: [
            ("", #"failed to parse multiaddr "": empty multiaddr"#),
            ("/", #"failed to parse multiaddr "": empty multiaddr"#),
            ("x", #"failed to parse multiaddr "x": must begin with /"#),
            (#""/unix/a""#, #"failed to parse multiaddr "\"/unix/a\"": must begin with /"#),
            ("/nope/1", #"failed to parse multiaddr "/nope/1": unknown protocol nope"#),
            ("/ip4", #"failed to parse multiaddr "/ip4": unexpected end of multiaddr"#),
            (
                "/ip4/1.2.3",
                #"failed to parse multiaddr "/ip4/1.2.3": invalid value "1.2.3" for protocol ip4: failed to parse ip4 addr: 1.2.3"#
            ),
            (
                "/tcp/65536",
                #"failed to parse multiaddr "/tcp/65536": invalid value "65536" for protocol tcp: failed to parse port addr: "#
                    + #"strconv.ParseUint: parsing "65536": value out of range"#
            ),
            (
                "/tcp/-1",
                #"failed to parse multiaddr "/tcp/-1": invalid value "-1" for protocol tcp: failed to parse port addr: "#
                    + #"strconv.ParseUint: parsing "-1": invalid syntax"#
            ),
        ] as [(String, String)]
    )
    func errorsHaveTheWordingClientsKnow(_ text: String, _ message: String) throws {
        let error = try #require(throws: MultiaddrError.self) { try Multiaddr(text) }

        #expect(error.description == message)
    }

    @Test(arguments: ["/ipfs", "/p2p"])
    func allSpellingsOfAPeerAreOne(_ name: String) throws {
        let expected = "/p2p/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC"

        #expect(try Multiaddr("\(name)/QmcgpsyWgH8Y8ajJz1Cu72KnS5uo2Aa2LpzU7kinSupNKC").description == expected)
        #expect(
            try Multiaddr("\(name)/k2k4r8oqamigqdo6o7hsbfwd45y70oyynp98usk7zmyfrzpqxh1pohl7").description == expected
        )
    }

    @Test(arguments: ["/unix//tmp/x", "/unix/tmp/x", "/unix/stdio", "/ip4/1.2.3.4/tcp/80/unix/a/ip4/5"])
    func pathsArePrintedAsGiven(_ text: String) throws {
        #expect(try Multiaddr(text).description == text)
    }

    @Test func aPathWithoutItsLeadingSlashIsTaken() throws {
        let address = try Multiaddr(bytes: [0x90, 0x03, 5] + Array("tmp/x".utf8))

        #expect(address.description == "/unix/tmp/x")
        #expect(address.unixPath == "/tmp/x")
        #expect(try Multiaddr("/unix//tmp/x").unixPath == "//tmp/x")
    }

    @Test(arguments: [
        ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::1", "2001:db8::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
        ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"), ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
        ("::ffff:102:304", "::ffff:1.2.3.4"), ("64:ff9b::1.2.3.4", "64:ff9b::102:304"), ("0:0:0:0:0:0:0:0", "::"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
    ])
    func ip6IsPrintedCanonically(_ text: String, _ canonical: String) throws {
        #expect(try Multiaddr("/ip6/\(text)").description == "/ip6/\(canonical)")
    }

    @Test(arguments: [
        "1.2.3", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "1.2.3.+4", "", "1..3.4", "::", "1.2.3.4 ",
    ])
    func malformedIP4IsRefused(_ text: String) {
        #expect(throws: MultiaddrError.self) { try Multiaddr("/ip4/\(text)") }
    }

    @Test(arguments: [
        ":", ":::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "1.2.3.4", "::1.2.3", "::1%eth0",
        "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "1.2.3.4::", ":1:2:3:4:5:6:7", "1:2:3:4:5:6:7:",
    ])
    func malformedIP6IsRefused(_ text: String) {
        #expect(throws: MultiaddrError.self) { try Multiaddr("/ip6/\(text)") }
    }
}
