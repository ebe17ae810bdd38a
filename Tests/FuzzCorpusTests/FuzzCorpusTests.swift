import Foundation
import FuzzTargets
import Testing

/// Replays what the fuzzers have found interesting: nothing may trap, and a property that broke once stays mended.
@Suite struct FuzzCorpusTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "FuzzCorpus")

    @Test(arguments: FuzzTarget.all.map(\.name))
    func replays(_ name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let folder = Self.corpus.appending(path: name)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)

        #expect(!files.isEmpty, "no corpus in \(folder.path())")
        for file in files {
            target.run([UInt8](try Data(contentsOf: file)))
        }
    }

    @Test func noCorpusIsOrphaned() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.corpus.path())

        #expect(Set(folders).subtracting(["README.md"]) == Set(FuzzTarget.all.map(\.name)))
    }

    /// Deterministic noise on top of the corpus, so that each run covers a little more than what is stored.
    @Test(arguments: FuzzTarget.all.map(\.name))
    func survivesMutations(_ name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let folder = Self.corpus.appending(path: name)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
            .sorted { $0.path() < $1.path() }
        var generator = SplitMix64(seed: 0x7032_7064)

        for file in files {
            let original = [UInt8](try Data(contentsOf: file))
            for _ in 0..<20 where !original.isEmpty {
                var bytes = original
                for _ in 0...Int(generator.next() % 4) {
                    let index = Int(generator.next() % UInt64(bytes.count))
                    bytes[index] = UInt8(truncatingIfNeeded: generator.next())
                }
                target.run(Array(bytes.prefix(Int(generator.next() % UInt64(bytes.count + 1)))))
                target.run(bytes)
            }
        }
    }
}

/// A small generator with a seed, so that a failure can be repeated.
private struct SplitMix64: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { self.state = seed }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
