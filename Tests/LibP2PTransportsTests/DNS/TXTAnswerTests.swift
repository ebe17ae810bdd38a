import Testing

@testable import LibP2PTransports

@Suite struct TXTAnswerTests {
    /// Question `a. TXT IN`, and answers whose name points to it.
    private static func message(_ answers: [[UInt8]], count: Int? = nil) -> [UInt8] {
        let count = UInt16(count ?? answers.count)
        let header: [UInt8] = [0x12, 0x34, 0x81, 0x80, 0, 1, UInt8(count >> 8), UInt8(count & 0xff), 0, 0, 0, 0]
        let question: [UInt8] = [1, 0x61, 0, 0, 16, 0, 1]
        return header + question + answers.flatMap { $0 }
    }

    private static func record(_ strings: [String], type: UInt8 = 16, recordClass: UInt8 = 1) -> [UInt8] {
        let data = strings.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        return [0xc0, 12, 0, type, 0, recordClass, 0, 0, 0, 60, UInt8(data.count >> 8), UInt8(data.count & 0xff)] + data
    }

    @Test func stringsOfARecordAreJoined() throws {
        let long = String(repeating: "x", count: 255)
        let message = Self.message([
            Self.record(["dnsaddr=", "/ip4/", "1.2.3.4"]), Self.record([long, "y"]), Self.record([]),
        ])

        #expect(try TXTAnswer.parse(message) == ["dnsaddr=/ip4/1.2.3.4", long + "y", ""])
    }

    @Test func otherRecordsArePassedOver() throws {
        let message = Self.message([
            Self.record(["cname"], type: 5), Self.record(["chaos"], recordClass: 3), Self.record(["ours"]),
        ])

        #expect(try TXTAnswer.parse(message) == ["ours"])
    }

    @Test func textThatIsNotUTF8IsLeftOut() throws {
        let binary: [UInt8] = [0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, 2, 1, 0xff]

        #expect(try TXTAnswer.parse(Self.message([binary, Self.record(["ours"])])) == ["ours"])
    }

    @Test func recordsAreBounded() throws {
        let message = Self.message(Array(repeating: Self.record(["x"]), count: 300))

        #expect(try TXTAnswer.parse(message).count == TXTAnswer.maximumRecords)
    }

    @Test func messagesThatEndEarlyAreRefused() {
        let message = Self.message([Self.record(["dnsaddr=/ip4/1.2.3.4"])])

        for length in 0..<message.count {
            #expect(throws: NameLookupError.self) { try TXTAnswer.parse(Array(message.prefix(length))) }
        }
        #expect(throws: NameLookupError.self) { try TXTAnswer.parse(Self.message([], count: 1)) }
    }

    @Test(
        arguments: [
            // A string longer than its record, a label type that does not exist, a label longer than the message.
            [0xc0, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, 2, 9, 0x61],
            [0x80, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, 0],
            [0x3f, 12, 0, 16, 0, 1, 0, 0, 0, 60, 0, 0],
        ] as [[UInt8]]
    )
    func impossibleLengthsAreRefused(_ answer: [UInt8]) {
        #expect(throws: NameLookupError.self) { try TXTAnswer.parse(Self.message([answer])) }
    }

    @Test(arguments: [UInt64(1), 2, 3])
    func hostileMessagesDoNotTrap(_ seed: UInt64) {
        var state = seed
        func random() -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33)
        }
        let sample = Self.message([Self.record(["dnsaddr=/ip4/1.2.3.4"]), Self.record(["a", "b"])])
        for _ in 0..<3000 {
            var message = sample
            for _ in 0...random() % 4 {
                message[random() % message.count] = UInt8(random() % 256)
            }
            message.removeLast(random() % message.count)
            _ = try? TXTAnswer.parse(message)
        }
    }
}
