import Glibc
import Logging
import Testing

@testable import P2PDaemon

struct GoLogHandlerTests {
    /// Logs to a file with the environment given, and returns what was written.
    private func logged(_ environment: [String: String], _ body: (Logger) -> Void) throws -> String {
        let path = "/tmp/golog-\(getpid())-\(UInt64.random(in: 0...UInt64.max))"
        defer { unlink(path) }
        var environment = environment
        environment["GOLOG_FILE"] = path
        let settings = LogSettings { environment[$0] }
        body(settings.logger("p2pd"))
        let file = open(path, O_RDONLY)
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 65_536)
        let count = read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }

    @Test func aJSONLineHasTheKeysThatClientsParse() throws {
        let line = try self.logged(["GOLOG_LOG_FMT": "json", "GOLOG_LOG_LEVEL": "debug"]) { logger in
            logger.warning("dial \"failed\"\n", metadata: ["peer": "12D3"])
        }

        #expect(line.hasPrefix("{\"level\":\"warn\",\"ts\":\"20"))
        #expect(line.contains("Z\",\"logger\":\"p2pd\",\"caller\":\"GoLogHandlerTests.swift:"))
        #expect(line.hasSuffix(",\"msg\":\"dial \\\"failed\\\"\\n\",\"peer\":\"12D3\"}\n"))
        #expect(line.split(separator: "\n").count == 1)
    }

    @Test func aTextLineHasTabsBetweenItsParts() throws {
        let line = try self.logged([:]) { $0.error("no way", metadata: ["b": "2", "a": "1"]) }
        let parts = line.split(separator: "\t")

        #expect(parts.count == 6)
        #expect(parts.dropFirst().first == "ERROR")
        #expect(parts.last == "{\"a\": \"1\", \"b\": \"2\"}\n")
    }

    @Test func aMessageCannotBeginALineOfItsOwn() throws {
        let line = try self.logged([:]) { $0.error("one\ntwo") }
        #expect(line.split(separator: "\n").count == 1)
    }

    @Test func onlyErrorsAreLoggedByDefault() throws {
        #expect(try self.logged([:]) { $0.warning("w") } == "")
        #expect(try self.logged(["GOLOG_LOG_LEVEL": "p2pd=info,other=debug"]) { $0.info("i") } != "")
        #expect(try self.logged(["GOLOG_LOG_LEVEL": "other=debug"]) { $0.info("i") } == "")
        #expect(try self.logged(["IPFS_LOGGING": "debug"]) { $0.debug("d") } != "")
        #expect(try self.logged(["GOLOG_LOG_LEVEL": "nonsense"]) { $0.warning("w") } == "")
    }

    @Test(
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000Z"), (1_795_359_533, 526_999_999, "2026-11-22T14:58:53.526Z"),
            (951_782_400, 1_000_000, "2000-02-29T00:00:00.001Z"),
        ]
    ) func timesAreUTCWithMilliseconds(seconds: Int, nanoseconds: Int, text: String) {
        #expect(GoTimestamp.log(timespec(tv_sec: seconds, tv_nsec: nanoseconds)) == text)
    }
}
