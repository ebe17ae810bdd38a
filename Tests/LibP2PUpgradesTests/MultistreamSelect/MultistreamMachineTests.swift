import LibP2PCore
import NIOCore
import Testing

@testable import LibP2PUpgrades

@Suite struct MultistreamMachineTests {
    static let header = "\u{13}/multistream/1.0.0\n"

    /// varint length ‖ text ‖ newline, for texts below 127 bytes.
    static func line(_ text: String) -> String {
        String(UnicodeScalar(UInt8(text.utf8.count + 1))) + text + "\n"
    }

    @Test func theDialerSendsHeaderAndProposalInOneFlight() throws {
        let machine = try MultistreamDialer(protocols: ["/noise", "/tls/1.0.0"])

        #expect(String(buffer: machine.opening) == Self.header + "\u{07}/noise\n")
    }

    @Test func theSpecificationsExampleOfARefusalIsSentByteForByte() {
        var machine = MultistreamListener()

        let result = machine.receive(ByteBuffer(string: Self.header + Self.line("/x"))) { _ in false }

        guard case .send(let answer) = result else { return #expect(Bool(false), "\(result)") }
        #expect(Array(answer.readableBytesView.suffix(4)) == [0x03, 0x6E, 0x61, 0x0A])
    }

    @Test func theListenerSaysItsHeaderToADialerThatWaitsForIt() {
        var machine = MultistreamListener()

        let result = machine.receive(ByteBuffer(string: Self.header)) { _ in true }

        guard case .send(let answer) = result else { return #expect(Bool(false), "\(result)") }
        #expect(String(buffer: answer) == Self.header)
    }

    @Test func listsAreRefusedNotGiven() {
        var machine = MultistreamListener()

        let result = machine.receive(ByteBuffer(string: Self.header + Self.line("ls"))) { _ in true }

        guard case .send(let answer) = result else { return #expect(Bool(false), "\(result)") }
        #expect(String(buffer: answer) == Self.header + Self.line("na"))
    }

    @Test("Any cut of the bytes leads to the same protocol and the same leftovers", arguments: 1...40)
    func cutsDoNotMatter(_ size: Int) throws {
        var dialer = try MultistreamDialer(protocols: ["/a", "DHTProtocol.rpc_ping", "/c"])
        var listener = MultistreamListener()
        var toListener = [dialer.opening]
        var toDialer: [ByteBuffer] = []
        var dialled: ProtocolID?
        var accepted: ProtocolID?
        var words = ""

        while !toListener.isEmpty || !toDialer.isEmpty {
            for chunk in Self.chunks(toListener, size) {
                switch listener.receive(chunk, isSupported: { $0 == "DHTProtocol.rpc_ping" }) {
                case .awaitMore: break
                case .send(let bytes): toDialer.append(bytes)
                case .selected(let name, let bytes, let leftover):
                    #expect(leftover.readableBytes == 0)
                    toDialer += [bytes, ByteBuffer(string: "early words")]
                    accepted = name
                case .fail(let error): throw error
                }
            }
            toListener = []
            for chunk in Self.chunks(toDialer, size) {
                guard dialled == nil else {
                    words += String(buffer: chunk)
                    continue
                }
                switch dialer.receive(chunk) {
                case .awaitMore: break
                case .send(let bytes): toListener.append(bytes)
                case .selected(let name, let leftover):
                    dialled = name
                    words = String(buffer: leftover)
                case .fail(let error): throw error
                }
            }
            toDialer = []
        }

        #expect(dialled == "DHTProtocol.rpc_ping")
        #expect(accepted == "DHTProtocol.rpc_ping")
        #expect(words == "early words")
    }

    private static func chunks(_ buffers: [ByteBuffer], _ size: Int) -> [ByteBuffer] {
        var all = ByteBuffer()
        for buffer in buffers { all.writeImmutableBuffer(buffer) }
        var result: [ByteBuffer] = []
        while let chunk = all.readSlice(length: min(size, all.readableBytes)), chunk.readableBytes > 0 {
            result.append(chunk)
        }
        return result
    }

    @Test func theFirstDataBehindALazyProposalIsLeftOverExactly() {
        var machine = MultistreamListener()
        let flight = Self.header + Self.line("/echo/1.0.0") + "\u{03}na\nhello"

        let result = machine.receive(ByteBuffer(string: flight)) { $0 == "/echo/1.0.0" }

        guard case .selected(let name, let answer, let leftover) = result else {
            return #expect(Bool(false), "\(result)")
        }
        #expect(name == "/echo/1.0.0")
        #expect(String(buffer: answer) == Self.header + Self.line("/echo/1.0.0"))
        #expect(String(buffer: leftover) == "\u{03}na\nhello")
    }

    @Test func aDialerWhoseProposalsAreAllRefusedSaysWhich() throws {
        var machine = try MultistreamDialer(protocols: ["/a", "/b"])

        _ = machine.receive(ByteBuffer(string: Self.header + Self.line("na")))
        let result = machine.receive(ByteBuffer(string: Self.line("na")))

        guard case .fail(.notSupported(["/a", "/b"])) = result else { return #expect(Bool(false), "\(result)") }
    }

    /// What the dialer may be told in place of an answer.
    static let wrongAnswers: [(String, MultistreamError)] = [
        ("\u{07}/noise\n", .unexpectedHeader),
        ("\u{03}na\n", .unexpectedHeader),
        (header + header, .unexpectedAnswer),
        (header + line("/other"), .unexpectedAnswer),
        (header + line("ls"), .unexpectedAnswer),
        (header + "\u{00}", .malformedMessage),
        (header + "\u{01}\n", .malformedMessage),
        (header + "\u{02}ab", .malformedMessage),
        (header + line("na") + "more", .unexpectedAnswer),
    ]

    @Test(arguments: wrongAnswers)
    func theDialerGivesUpOnWrongAnswers(_ answer: String, _ expected: MultistreamError) throws {
        var machine = try MultistreamDialer(protocols: ["/a", "/b"])

        let result = machine.receive(ByteBuffer(string: answer))

        guard case .fail(let error) = result else { return #expect(Bool(false), "\(result)") }
        #expect(error == expected)
        guard case .awaitMore = machine.receive(ByteBuffer(string: Self.header)) else {
            return #expect(Bool(false), "bytes after the failure were looked at")
        }
    }

    @Test(arguments: [[0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0x81, 0x08], [0x80, 0x80, 0x01]])
    func lengthsBeyond1024AreRefusedBeforeTheirBytesCome(_ prefix: [UInt8]) {
        var machine = MultistreamListener()

        let result = machine.receive(ByteBuffer(bytes: prefix)) { _ in true }

        guard case .fail(.messageTooLong) = result else { return #expect(Bool(false), "\(result)") }
    }

    @Test(
        "Lengths that are not minimal and names that are not UTF-8 are refused",
        arguments: [
            [0x93, 0x00], Array(header.utf8) + [0x03, 0xC3, 0x28, 0x0A],
        ]
    )
    func malformed(_ bytes: [UInt8]) {
        var machine = MultistreamListener()

        let result = machine.receive(ByteBuffer(bytes: bytes)) { _ in true }

        guard case .fail(.malformedMessage) = result else { return #expect(Bool(false), "\(result)") }
    }

    @Test("Messages are limited to 1024 bytes, newline included", arguments: [(1023, true), (1024, false)])
    func longestMessage(_ nameBytes: Int, _ isRead: Bool) {
        var machine = MultistreamListener()
        let length = nameBytes + 1
        var bytes = ByteBuffer(string: Self.header)
        bytes.writeBytes([UInt8(length & 0x7F | 0x80), UInt8(length >> 7)])
        bytes.writeString(String(repeating: "x", count: nameBytes) + "\n")

        let result = machine.receive(bytes) { _ in false }

        if case .send = result { #expect(isRead) } else { #expect(!isRead) }
    }

    @Test func theLongestNameTravelsBothWays() throws {
        let name = ProtocolID("/" + String(repeating: "n", count: 1021))
        var dialer = try MultistreamDialer(protocols: [name])
        var listener = MultistreamListener()

        guard
            case .selected(let accepted, let answer, _) = listener.receive(dialer.opening, isSupported: { $0 == name }),
            case .selected(let dialled, _) = dialer.receive(answer)
        else { return #expect(Bool(false)) }
        #expect(accepted == name)
        #expect(dialled == name)
    }

    @Test(arguments: ["", "a\nb", "na", "ls", "/multistream/1.0.0", String(repeating: "x", count: 1023)])
    func namesThatCannotBeSentAreRefusedAtOnce(_ name: String) {
        #expect(throws: MultistreamError.nameNotEncodable) {
            _ = try MultistreamDialer(protocols: ["/a", ProtocolID(name)])
        }
        #expect(throws: MultistreamError.noProtocols) { _ = try MultistreamDialer(protocols: []) }
    }

    @Test("A peer may propose 128 times in vain", arguments: [(128, true), (129, false)])
    func proposalsAreCounted(_ count: Int, _ isServed: Bool) {
        var machine = MultistreamListener()
        let flight = Self.header + String(repeating: Self.line("/x"), count: count)

        switch machine.receive(ByteBuffer(string: flight), isSupported: { _ in false }) {
        case .send(let answer):
            #expect(isServed)
            #expect(answer.readableBytes == 20 + 4 * count)
        case .fail(let error):
            #expect(!isServed)
            #expect(error == .tooManyProposals)
        case .awaitMore, .selected:
            #expect(Bool(false))
        }
    }

    @Test("Hostile bytes never trap", arguments: [0x5EED_0041, 0x5EED_0042] as [UInt64])
    func hostileBytes(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let valid = Array((Self.header + Self.line("na") + Self.line("/b") + "data").utf8)
        for _ in 0..<2_000 {
            var bytes = valid
            for _ in 0..<Int.random(in: 0...4, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: .min ... .max, using: &random)
            }
            if Bool.random(using: &random) { bytes = bytes.map { _ in .random(in: .min ... .max, using: &random) } }
            let size = Int.random(in: 1...bytes.count, using: &random)
            var dialer = try MultistreamDialer(protocols: ["/a", "/b"])
            var listener = MultistreamListener()
            for chunk in Self.chunks([ByteBuffer(bytes: bytes)], size) {
                _ = dialer.receive(chunk)
                _ = listener.receive(chunk) { $0 == "/b" }
            }
        }
    }
}
