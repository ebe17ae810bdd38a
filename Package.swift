// swift-tools-version: 6.1
import PackageDescription

let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

// Without MemberImportVisibility: an optimised build takes <netinet/in.h> for a part of the module CNIOLinux, which no target can
// name (docs/workarounds.md).
let systemSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
]

let nioCore: Target.Dependency = .product(name: "NIOCore", package: "swift-nio")
let nioPosix: Target.Dependency = .product(name: "NIOPosix", package: "swift-nio")
let nioEmbedded: Target.Dependency = .product(name: "NIOEmbedded", package: "swift-nio")
let nioTLS: Target.Dependency = .product(name: "NIOTLS", package: "swift-nio")
let nioSSL: Target.Dependency = .product(name: "NIOSSL", package: "swift-nio-ssl")
let protobuf: Target.Dependency = .product(name: "SwiftProtobuf", package: "swift-protobuf")
let logging: Target.Dependency = .product(name: "Logging", package: "swift-log")

let package = Package(
    name: "p2pd",
    products: [
        .executable(name: "p2pd", targets: ["p2pd"]),
        .executable(name: "p2pctl", targets: ["p2pctl"]),
        .library(name: "LibP2P", targets: ["LibP2P"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log.git", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-nio.git", from: "2.101.2"),
        // Exact: LibP2PCore calls the BoringSSL inside it, which is not promised API (docs/adr/0002).
        .package(url: "https://github.com/apple/swift-nio-ssl.git", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-protobuf.git", from: "1.39.0"),
    ],
    targets: [
        // C libraries: module maps and shims, no logic; each imported by exactly one folder.
        .systemLibrary(name: "CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CSecp256k1", pkgConfig: "libsecp256k1", providers: [.apt(["libsecp256k1-dev"])]),
        .target(name: "CP2PLinux", cSettings: [.define("_GNU_SOURCE")]),
        .target(name: "CResolver", linkerSettings: [.linkedLibrary("resolv")]),

        // Values, no I/O.
        .target(name: "Multiformats", swiftSettings: swiftSettings),

        // The libp2p stack, from the dictionary up to the host.
        .target(
            name: "LibP2PCore",
            dependencies: ["CSecp256k1", "CSodium", "Multiformats", logging, nioCore, nioSSL, protobuf],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "LibP2PTransports",
            dependencies: ["CResolver", "LibP2PCore", "Multiformats", logging, nioCore, nioPosix],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "LibP2PUpgrades",
            dependencies: ["LibP2PCore", "Multiformats", logging, nioCore, nioSSL, nioTLS, protobuf],
            exclude: ["Noise/Protobuf/noise.proto"],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "LibP2PSwarm",
            dependencies: ["LibP2PCore", "Multiformats", logging, nioCore],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "LibP2PProtocols",
            dependencies: ["LibP2PCore", "Multiformats", logging, nioCore, protobuf],
            exclude: ["Identify/Protobuf/identify.proto"],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "LibP2P",
            dependencies: [
                "LibP2PCore", "LibP2PProtocols", "LibP2PSwarm", "LibP2PTransports", "LibP2PUpgrades", "Multiformats",
                logging, nioCore, nioPosix,
            ],
            swiftSettings: swiftSettings
        ),

        // The daemon.
        .target(
            name: "LocalIPC",
            dependencies: ["CP2PLinux", logging, nioCore, nioPosix],
            swiftSettings: systemSettings
        ),
        .target(
            name: "P2PControl",
            dependencies: ["LibP2PCore", "LocalIPC", "Multiformats", logging, nioCore, nioPosix, protobuf],
            exclude: ["Protobuf/p2pd.proto"],
            swiftSettings: swiftSettings
        ),
        .target(
            name: "P2PDaemon",
            dependencies: [
                "LibP2P", "LibP2PCore", "LibP2PSwarm", "LocalIPC", "Multiformats", "P2PControl",
                logging, nioCore, nioPosix,
            ],
            swiftSettings: swiftSettings
        ),
        .executableTarget(name: "p2pd", dependencies: ["P2PDaemon"], swiftSettings: swiftSettings),
        .executableTarget(
            name: "p2pctl",
            dependencies: ["LibP2PCore", "Multiformats", "P2PControl", protobuf],
            swiftSettings: swiftSettings
        ),

        // Tests mirror Sources.
        .testTarget(name: "MultiformatsTests", dependencies: ["Multiformats"], swiftSettings: swiftSettings),
        .testTarget(
            name: "LibP2PCoreTests",
            dependencies: ["LibP2PCore", "Multiformats", nioCore, protobuf],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LibP2PTransportsTests",
            dependencies: ["LibP2PCore", "LibP2PTransports", "Multiformats", nioCore, nioEmbedded, nioPosix],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LibP2PUpgradesTests",
            dependencies: ["LibP2PCore", "LibP2PUpgrades", "Multiformats", nioCore, nioEmbedded, nioPosix, nioSSL],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LibP2PSwarmTests",
            dependencies: [
                "LibP2PCore", "LibP2PSwarm", "LibP2PUpgrades", "Multiformats", logging, nioCore, nioEmbedded,
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LibP2PProtocolsTests",
            dependencies: ["LibP2PCore", "LibP2PProtocols", "Multiformats", logging, nioCore, nioEmbedded],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LibP2PTests",
            dependencies: ["LibP2P", "LibP2PCore", "LibP2PSwarm", "Multiformats", logging, nioCore, nioPosix],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "LocalIPCTests",
            dependencies: ["LocalIPC", nioCore, nioPosix],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "P2PControlTests",
            dependencies: [
                "LibP2PCore", "LocalIPC", "Multiformats", "P2PControl", logging, nioCore, nioEmbedded, protobuf,
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(
            name: "P2PDaemonTests",
            dependencies: [
                "LibP2PCore", "LocalIPC", "Multiformats", "P2PControl", "P2PDaemon",
                logging, nioCore, nioEmbedded, nioPosix,
            ],
            swiftSettings: swiftSettings
        ),
        .testTarget(name: "SoundnessTests", swiftSettings: swiftSettings),
        .target(
            name: "FuzzTargets",
            dependencies: [
                "LibP2PCore", "LibP2PProtocols", "LibP2PUpgrades", "Multiformats", "P2PControl", nioCore, nioEmbedded,
            ],
            path: "Tests/FuzzTargets",
            swiftSettings: swiftSettings
        ),
        .testTarget(name: "FuzzCorpusTests", dependencies: ["FuzzTargets"], swiftSettings: swiftSettings),
    ],
    cxxLanguageStandard: .cxx17
)

// libFuzzer's program needs -sanitize=fuzzer to link: only `make fuzz` builds it.
if Context.environment["P2PD_FUZZ"] != nil {
    package.products.append(.executable(name: "p2pd-fuzz", targets: ["p2pd-fuzz"]))
    package.targets.append(
        .executableTarget(
            name: "p2pd-fuzz",
            dependencies: ["FuzzTargets"],
            path: "Tests/FuzzMain",
            swiftSettings: swiftSettings,
            // gold stumbles over the fuzzer's debug information.
            linkerSettings: [.unsafeFlags(["-use-ld=lld"])]
        )
    )
}
