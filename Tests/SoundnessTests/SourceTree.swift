import Foundation

/// The Swift files of the checkout, read once, with what the soundness tests ask of them.
struct SourceTree {
    struct File {
        /// Relative to the top of the checkout.
        let path: String
        let lines: [Substring]

        /// Names the file imports, whatever the access level of the import.
        var imports: Set<String> {
            Set(
                self.lines.compactMap { line in
                    let words = line.split(separator: " ")
                    guard let index = words.firstIndex(of: "import"), index <= 2, index + 1 < words.count else {
                        return nil
                    }
                    return String(words[index + 1])
                }
            )
        }

        var isGenerated: Bool { self.path.hasSuffix(".pb.swift") }

        /// The lines without comments, for searches that must not find prose.
        var code: [(number: Int, text: Substring)] {
            self.lines.enumerated().compactMap { index, line in
                let trimmed = line.drop { $0 == " " }
                return trimmed.hasPrefix("//") ? nil : (index + 1, line)
            }
        }
    }

    static let top = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static let sources = SourceTree.read("Sources")
    static let tests = SourceTree.read("Tests")

    private static func read(_ folder: String) -> [File] {
        let root = self.top.appending(path: folder)
        guard let walker = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil) else { return [] }
        var files: [File] = []
        for case let url as URL in walker where url.pathExtension == "swift" {
            guard let text = try? String(contentsOf: url, encoding: .utf8) else { continue }
            let path = url.path().replacingOccurrences(of: self.top.path(), with: "")
            files.append(File(path: path, lines: text.split(separator: "\n", omittingEmptySubsequences: false)))
        }
        return files.sorted { $0.path < $1.path }
    }
}
