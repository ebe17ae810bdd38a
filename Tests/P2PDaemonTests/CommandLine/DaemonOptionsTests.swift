import NIOCore
import P2PControl
import Testing

@testable import P2PDaemon

struct DaemonOptionsTests {
    private func options(_ arguments: String..., passedSockets: Bool = false) throws -> DaemonOptions {
        switch FlagSet(DaemonFlags.all).parse(arguments) {
        case .values(let values): try DaemonOptions(values, hasPassedSockets: passedSockets)
        case .help: throw DaemonError.fatal("help")
        case .failed(let error): throw DaemonError.fatal(error)
        }
    }

    private func fatal(_ arguments: String...) -> String? {
        switch FlagSet(DaemonFlags.all).parse(arguments) {
        case .values(let values):
            do {
                _ = try DaemonOptions(values, hasPassedSockets: false)
                return nil
            } catch {
                switch error {
                case .fatal(let line): return line
                }
            }
        case .help: return "help"
        case .failed(let error): return error
        }
    }

    @Test func noFlagIsDeclaredTwice() {
        #expect(Set(DaemonFlags.all.map(\.name)).count == DaemonFlags.all.count)
    }

    @Test func whatHivemindPassesIsUnderstood() throws {
        let options = try self.options(
            "-autoRelay=0",
            "-autonat=1",
            "-b=0",
            "-connManager=1",
            "-idleTimeout=30s",
            "-listen=/unix/tmp/hivemind-p2pd-x.sock",
            "-natPortMap=1",
            "-relay=1",
            "-relayHopLimit=0",
            "-tls=1",
            "-persistentConnMaxMsgSize=4194304",
            "-dhtServer=1",
            "-hostAddrs=/ip4/127.0.0.1/tcp/0,/ip6/::1/tcp/0"
        )

        #expect(options.personality == .hivemind)
        #expect(options.personality.exitsWithItsClients)
        #expect(options.personality.terminationExitCode == 0)
        #expect(options.idleTimeout == .seconds(30))
        #expect(options.connectionManager?.high == 512)
        #expect(options.hostAddresses.count == 2)
        #expect(options.warnings.count == 1)
        #expect(options.warnings.first?.hasSuffix("-autonat -dhtServer -natPortMap") == true)
    }

    @Test func whatP2pclientAndNimPassIsUpstream() throws {
        let options = try self.options(
            "-listen=/unix/tmp/x.sock",
            "-hostAddrs=/ip4/127.0.0.1/tcp/0",
            "-connManager=true",
            "-connLo=1",
            "-connHi=2",
            "-connGrace=0",
            "-quic=false",
            "-noise=true"
        )

        #expect(options.personality == .upstream)
        #expect(!options.personality.exitsWithItsClients)
        #expect(options.personality.terminationExitCode == 143)
        #expect(options.connectionManager?.low == 1)
        #expect(options.connectionManager?.grace == .zero)
        #expect(options.warnings.isEmpty)
    }

    @Test func passedSocketsDecideThePersonality() throws {
        #expect(try self.options("-idleTimeout=30s", passedSockets: true).personality == .systemd)
    }

    @Test func contradictionsEndTheStart() {
        #expect(self.fatal("-noise=false", "-tls=0") == "at least one channel security protocol must be enabled")
        #expect(
            self.fatal("-autoRelay", "-dht", "-relay=false")
                == "can't have autorelay enabled without Relay enabled and DHT enabled"
        )
        #expect(self.fatal("-pubsub", "-pubsubRouter=x") == "unknown pubsub router: x")
        #expect(self.fatal("-forceReachabilityPublic", "-forceReachabilityPrivate") != nil)
        #expect(self.fatal("-f=conf.json")?.contains("-f") == true)
        #expect(self.fatal("-hostAddrs=nonsense")?.hasPrefix("failed to parse multiaddr \"nonsense\"") == true)
        #expect(self.fatal("-b", "-bootstrapPeers=/ip4/127.0.0.1/tcp/1")?.contains("no peer ID") == true)
        #expect(self.fatal("-listenMode=9") != nil)
    }

    @Test func plaintextIsRefusedWithAWarning() throws {
        #expect(try self.options("-plaintext").warnings.count == 1)
        #expect(try self.options("-plaintext=false").warnings.isEmpty)
    }

    @Test func noListenAddrsWinsOverHostAddrs() throws {
        #expect(try self.options("-noListenAddrs", "-hostAddrs=/ip4/127.0.0.1/tcp/0").hostAddresses.isEmpty)
    }

    @Test func bootstrappingHasPeersOfItsOwn() throws {
        #expect(try self.options("-b").bootstrapPeers.count == 5)
        #expect(try !self.options("-b").printsBootstrapPeers)
        #expect(try self.options().bootstrapPeers.isEmpty)
    }

    @Test func hugeNumbersAreBroughtIntoRange() throws {
        let options = try self.options(
            "-connManager",
            "-connHi=9223372036854775807",
            "-connLo=-9223372036854775808",
            "-persistentConnMaxMsgSize=-1",
            "-eventLoops=99999999"
        )
        #expect(options.connectionManager?.high == 1_000_000)
        #expect(options.connectionManager?.low == 0)
        #expect(options.maximumMessageBytes == 1024)
        #expect(options.eventLoops == 256)
    }
}
