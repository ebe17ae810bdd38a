import Testing

@testable import P2PDaemon

struct FlagSetTests {
    private static let flags = FlagSet([
        Flag("b", .bool(false), "a switch"),
        Flag("count", .int(7), "a number"),
        Flag("name", .string("anna"), "a text"),
        Flag("wait", .duration(GoDuration(nanoseconds: 90_000_000_000)), "a time"),
    ])

    private func values(_ arguments: String...) throws -> FlagValues {
        guard case .values(let values) = Self.flags.parse(arguments) else { throw Failure() }
        return values
    }

    private func error(_ arguments: String...) -> String? {
        guard case .failed(let error) = Self.flags.parse(arguments) else { return nil }
        return error
    }

    private struct Failure: Error {}

    @Test func aValueFollowsAnEqualsSignOrABlank() throws {
        #expect(try self.values("-name=x").string("name") == "x")
        #expect(try self.values("-name", "x").string("name") == "x")
        #expect(try self.values("--name", "-x").string("name") == "-x")
        #expect(try self.values("-name=").string("name") == "")
        #expect(try self.values("-name=a=b").string("name") == "a=b")
        #expect(try self.values("-name=x", "-name=y").string("name") == "y")
    }

    @Test func whatIsNotGivenHasItsDefault() throws {
        let values = try self.values("-b")
        #expect(values.bool("b"))
        #expect(values.int("count") == 7)
        #expect(values.isGiven("b"))
        #expect(!values.isGiven("count"))
    }

    @Test func aBooleanTakesNoWordAfterIt() throws {
        let values = try self.values("-b", "false", "-count=1")
        #expect(values.bool("b"))
        #expect(values.rest == ["false", "-count=1"])
        #expect(values.int("count") == 7)
        #expect(try !self.values("-b=F").bool("b"))
    }

    @Test func parsingStopsAtTwoDashesAndAtALoneDash() throws {
        #expect(try self.values("--", "-b").rest == ["-b"])
        #expect(try self.values("-", "-b").rest == ["-", "-b"])
    }

    @Test func errorsHaveGosWords() {
        #expect(self.error("-nope") == "flag provided but not defined: -nope")
        #expect(self.error("-name") == "flag needs an argument: -name")
        #expect(self.error("-b=maybe") == "invalid boolean value \"maybe\" for -b: parse error")
        #expect(self.error("-count=many") == "invalid value \"many\" for flag -count: parse error")
        #expect(self.error("-wait=120") == "invalid value \"120\" for flag -wait: parse error")
        #expect(self.error("---b") == "bad flag syntax: ---b")
        #expect(self.error("-=1") == "bad flag syntax: -=1")
    }

    @Test(arguments: ["-h", "-help", "--help"]) func helpIsAskedFor(word: String) {
        guard case .help = Self.flags.parse([word]) else {
            Issue.record("no help")
            return
        }
    }

    @Test func theUsageLooksAsGoPrintsIt() {
        #expect(
            Self.flags.usage(program: "p2pd") == """
                Usage of p2pd:
                  -b\ta switch
                  -count int
                    \ta number (default 7)
                  -name string
                    \ta text (default "anna")
                  -wait duration
                    \ta time (default 1m30s)

                """
        )
    }

    @Test(
        arguments: [
            ("0", 0), ("42", 42), ("-42", -42), ("+1", 1), ("0x1F", 31), ("0X1f", 31), ("017", 15), ("0o17", 15),
            ("0b101", 5),
            ("1_000", 1000), ("0x_ff", 255), ("9223372036854775807", Int64.max), ("-9223372036854775808", Int64.min),
        ] as [(String, Int64)]
    ) func wholeNumbersAreWrittenAsInGo(text: String, value: Int64) {
        #expect(GoNumber.int(text) == value)
    }

    @Test(arguments: ["", "-", "0x", "08", "1__0", "_1", "1_", "1.5", "--1", "0x-1", "9223372036854775808", "12a"])
    func otherWordsAreNoNumbers(text: String) {
        #expect(GoNumber.int(text) == nil)
    }

    @Test(
        arguments: [
            ("0", 0), ("1ns", 1), ("1.5s", 1_500_000_000), ("1h2m3s", 3_723_000_000_000), ("250ms", 250_000_000),
            ("-1s", -1_000_000_000), ("+1us", 1000), ("1µs", 1000), (".5m", 30_000_000_000), ("1.s", 1_000_000_000),
        ] as [(String, Int64)]
    ) func durationsAreWrittenAsInGo(text: String, nanoseconds: Int64) {
        #expect(GoDuration(text)?.nanoseconds == nanoseconds)
    }

    @Test(arguments: ["", "1", "s", ".s", "1x", "1s2", "-", "9999999999h", "9223372036854775807s", "1 s"])
    func otherWordsAreNoDurations(text: String) {
        #expect(GoDuration(text) == nil)
    }

    @Test func hostileCommandLinesAreErrorsNotTraps() {
        var random = SeededGenerator(seed: 11)
        let alphabet = Array("-=bcountwaitname019_xsmhµ.,\u{0}é ")
        for _ in 0..<5000 {
            let words = (0..<Int.random(in: 0...4, using: &random)).map { _ in
                String(
                    (0..<Int.random(in: 0...12, using: &random)).compactMap { _ in
                        alphabet.randomElement(using: &random)
                    }
                )
            }
            _ = Self.flags.parse(words)
        }
    }
}
