import Testing

/// Which folder may import which module: what the build's own check of target arrows cannot say.
@Suite struct ImportTests {
    /// Module → the folders that may import it. A module that is not listed is free.
    static let owners: [String: [String]] = [
        "CSodium": ["Sources/LibP2PCore/Crypto/"],
        "CSecp256k1": ["Sources/LibP2PCore/Crypto/"],
        // The TLS room makes and checks certificates with BoringSSL's X.509 functions.
        "CNIOBoringSSL": ["Sources/LibP2PCore/Crypto/", "Sources/LibP2PUpgrades/TLS/"],
        "NIOSSL": ["Sources/LibP2PUpgrades/TLS/"],
        "NIOTLS": ["Sources/LibP2PUpgrades/TLS/"],
        "NIOPosix": ["Sources/LibP2PTransports/", "Sources/LocalIPC/", "Sources/P2PDaemon/", "Sources/LibP2P/"],
        "CResolver": ["Sources/LibP2PTransports/DNS/"],
        "CP2PLinux": [
            "Sources/LocalIPC/", "Sources/P2PDaemon/", "Sources/LibP2PTransports/DNS/", "Sources/p2pctl/",
        ],
        // Foundation would cost start-up time and memory that nobody asked for.
        "Foundation": [],
    ]

    @Test(arguments: Self.owners.keys.sorted())
    func onlyItsOwnersImport(_ module: String) throws {
        let owners = try #require(Self.owners[module])

        let strangers = SourceTree.sources
            .filter { !$0.isGenerated && $0.imports.contains(module) }
            .map(\.path)
            .filter { path in !owners.contains { path.hasPrefix($0) } }

        #expect(strangers.isEmpty, "\(module) is imported outside \(owners)")
    }

    /// swift-protobuf's `bytes` fields are FoundationEssentials' `Data`; that type stays where messages become values.
    @Test func foundationEssentialsStaysBesideProtobuf() {
        let strangers = SourceTree.sources
            .filter {
                !$0.isGenerated && $0.imports.contains("FoundationEssentials") && !$0.path.contains("/Protobuf/")
            }

        #expect(strangers.isEmpty, "\(strangers.map(\.path))")
    }

    /// Rooms of one target do not know each other; shared words live in LibP2PCore.
    @Test(arguments: ["LibP2PUpgrades", "LibP2PProtocols", "LibP2PTransports"])
    func roomsDoNotNameEachOther(_ target: String) {
        let files = SourceTree.sources.filter { $0.path.hasPrefix("Sources/\(target)/") && !$0.isGenerated }
        var types: [String: String] = [:]
        for file in files {
            for (_, line) in file.code {
                let words = line.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_") })
                guard line.first != " ",
                    let index = words.firstIndex(where: { ["struct", "class", "enum"].contains($0) }),
                    index + 1 < words.count
                else { continue }
                types[String(words[index + 1])] = Self.room(of: file.path)
            }
        }

        var trespasses: [String] = []
        for file in files {
            for (number, line) in file.code {
                for word in line.split(whereSeparator: { !($0.isLetter || $0.isNumber || $0 == "_") }) {
                    if let room = types[String(word)], room != "(top)", room != Self.room(of: file.path) {
                        trespasses.append("\(file.path):\(number) names \(word) of \(room)")
                    }
                }
            }
        }

        #expect(!types.isEmpty)
        #expect(trespasses.isEmpty, "\(trespasses.joined(separator: "\n"))")
    }

    private static func room(of path: String) -> String {
        let parts = path.split(separator: "/")
        return parts.count > 3 ? String(parts[2]) : "(top)"
    }
}
