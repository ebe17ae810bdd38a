import Foundation
import Testing

/// House rules that the formatter does not know.
@Suite struct StyleTests {
    /// Longer than 500 lines, with the reason. Read at each release.
    static let longFiles: [String: String] = [:]

    @Test func filesStayShort() {
        let long = SourceTree.sources.filter {
            $0.lines.count > 501 && !$0.isGenerated && Self.longFiles[$0.path] == nil
        }

        #expect(!SourceTree.sources.isEmpty)
        #expect(long.isEmpty, "over 500 lines: \(long.map { "\($0.path) (\($0.lines.count))" })")
    }

    @Test func theListOfLongFilesIsTrue() {
        let paths = Set(SourceTree.sources.filter { $0.lines.count > 501 }.map(\.path))

        #expect(Self.longFiles.keys.filter { !paths.contains($0) }.isEmpty)
    }

    /// A trap that a peer can reach is a remote denial of service.
    @Test(arguments: ["try!", "as!", "fatalError(", "Task.detached", "DispatchQueue", "print("])
    func sourcesDoNotContain(_ word: String) {
        // p2pctl and p2pd write to standard output for a living.
        let exempt = word == "print(" ? ["Sources/p2pctl/", "Sources/p2pd/"] : []
        let places = SourceTree.sources.filter { file in
            !file.isGenerated && !exempt.contains { file.path.hasPrefix($0) }
        }.flatMap { file in
            file.code.filter { Self.contains($0.text, word) }.map { "\(file.path):\($0.number)" }
        }

        #expect(places.isEmpty, "\(word) at \(places)")
    }

    @Test func noPathOfAMachineIsWrittenDown() throws {
        let places = (SourceTree.sources + SourceTree.tests).flatMap { file in
            file.lines.enumerated().filter { _, line in
                ["/work" + "/", "/ro" + "ot/", "/home" + "/"].contains { line.contains($0) }
            }.map { "\(file.path):\($0.offset + 1)" }
        }

        #expect(places.isEmpty, "\(places)")
    }

    @Test func everyMarkdownLinkLeadsSomewhere() throws {
        let files = try FileManager.default.subpathsOfDirectory(atPath: SourceTree.top.path())
            .filter { $0.hasSuffix(".md") && !$0.hasPrefix(".") && !$0.contains("/.") }
        var dead: [String] = []
        for file in files {
            let url = SourceTree.top.appending(path: file)
            let text = try String(contentsOf: url, encoding: .utf8)
            for match in text.matches(of: /\]\(([^)#\s]+)(#[^)]*)?\)/) {
                let target = String(match.1)
                if target.contains("://") { continue }
                let path = url.deletingLastPathComponent().appending(path: target).path()
                if !FileManager.default.fileExists(atPath: path) { dead.append("\(file): \(target)") }
            }
        }

        #expect(!files.isEmpty)
        #expect(dead.isEmpty, "\(dead)")
    }

    /// Whether `word` stands in the line and is not the tail of a longer name.
    private static func contains(_ line: Substring, _ word: String) -> Bool {
        guard let range = line.range(of: word) else { return false }
        guard range.lowerBound > line.startIndex else { return true }
        let before = line[line.index(before: range.lowerBound)]
        return !(before.isLetter || before.isNumber || before == "_" || before == ".")
    }
}
