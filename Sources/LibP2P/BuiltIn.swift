import LibP2PCore
import LibP2PProtocols
import LibP2PTransports
import LibP2PUpgrades
import Logging
import NIOCore

/// Everything a host is built from. What is added to the stack is one line here.
enum BuiltIn {
    /// Ways to reach and be reached, asked in this order for an address.
    static let transports: [@Sendable (TransportContext) -> any Transport] = [
        { TCPTransport(group: $0.group, upgrader: $0.upgrader, configuration: $0.configuration.tcp, logger: $0.logger) }
    ]

    /// Secure channels; the configuration chooses and orders them.
    static func security(_ security: HostSecurity, _ configuration: HostConfiguration) -> any SecurityUpgrade {
        switch security {
        case .tls: TLSUpgrade(hostKey: configuration.identity)
        case .noise: NoiseUpgrade(identity: configuration.identity)
        }
    }

    /// Muxers, best first.
    static let muxers: [@Sendable (HostConfiguration) -> any MuxerUpgrade] = [
        { YamuxUpgrade(configuration: $0.yamux) }
    ]

    /// What every host speaks.
    static let protocols: [@Sendable (ProtocolContext) -> (any ProtocolService)?] = [
        { $0.identify },
        { $0.ping },
        { $0.configuration.isEchoEnabled ? Echo(network: $0.network) : nil },
    ]
}

/// What transports are made of.
struct TransportContext: Sendable {
    let group: any EventLoopGroup
    let upgrader: any Upgrader
    let configuration: HostConfiguration
    let logger: Logger
}

/// What protocols are made of.
struct ProtocolContext: Sendable {
    let network: any Network
    let configuration: HostConfiguration
    let identify: Identify
    let ping: Ping
}

/// A protocol that a host answers from start to end.
protocol ProtocolService: Sendable {
    /// Sets the handlers. Before the host listens.
    func start()

    func stop()
}

extension Identify: ProtocolService {}
extension Ping: ProtocolService {}
extension Echo: ProtocolService {}
