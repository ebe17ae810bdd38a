import LibP2P
import LibP2PCore
import LibP2PSwarm
import Logging
import Multiformats
import NIOCore
import NIOPosix
import Testing

/// Two started hosts on loopback, closed when the body ends.
func withHosts<Result>(
    _ keyTypes: (KeyType, KeyType) = (.ed25519, .ed25519),
    configure: (inout HostConfiguration) -> Void = { _ in },
    _ body: (Host, Host) async throws -> Result
) async throws -> Result {
    let group = MultiThreadedEventLoopGroup.singleton
    var hosts: [Host] = []
    for keyType in [keyTypes.0, keyTypes.1] {
        let host = Host(
            configuration: try hostConfiguration(keyType, configure),
            group: group,
            logger: testLogger
        )
        try await host.start().get()
        hosts.append(host)
    }
    let result: Swift.Result<Result, any Error>
    do {
        result = .success(try await body(hosts[0], hosts[1]))
    } catch {
        result = .failure(error)
    }
    for host in hosts {
        try await host.close().get()
    }
    return try result.get()
}

func hostConfiguration(
    _ keyType: KeyType = .ed25519,
    _ configure: (inout HostConfiguration) -> Void = { _ in }
) throws -> HostConfiguration {
    var configuration = HostConfiguration(identity: try .generate(keyType), agentVersion: "p2pd/test")
    configuration.listenAddresses = [try Multiaddr("/ip4/127.0.0.1/tcp/0")]
    configuration.limits = .unlimited
    configuration.connections.localDialTimeout = .seconds(30)
    configure(&configuration)
    return configuration
}

let testLogger: Logger = {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
}()

extension Host {
    /// Dials the other host at its addresses.
    @discardableResult
    func connect(_ other: Host) async throws -> any Connection {
        try await self.connect(to: other.peerID, addresses: other.addresses, timeout: .seconds(30)).get()
    }
}

/// Waits until something holds; the state is another thread's, and no event tells of it.
func eventually(
    within limit: Duration = .seconds(30),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ holds: () -> Bool
) async throws {
    let deadline = ContinuousClock.now + limit
    while !holds() {
        guard ContinuousClock.now < deadline else {
            Issue.record("did not come true within \(limit)", sourceLocation: sourceLocation)
            return
        }
        try await Task.sleep(for: .milliseconds(1))
    }
}
