import LibP2P
import LibP2PCore
import LocalIPC
import Logging
import NIOCore
import P2PControl

/// One host with the control sockets through which its programs use it.
///
/// What is below it knows of no tenants, and what is above has its tenant passed in. Usable from any thread.
final class Tenant: Sendable {
    let name: String
    let host: Host
    let control: ControlServer

    private let listeners: [LocalListener]
    private let personality: ControlPersonality

    /// Takes the listeners; `close` ends them.
    init(
        name: String,
        host: Host,
        listeners: [LocalListener],
        personality: ControlPersonality,
        configuration: ControlConfiguration,
        logger: Logger,
        onPersistentConnectionCountChanged: @escaping @Sendable (Int) -> Void
    ) {
        self.name = name
        self.host = host
        self.listeners = listeners
        self.personality = personality
        let services = ControlServices(
            network: host.network,
            connectionManager: host.connectionManager,
            peerstore: host.peerstore,
            bridge: Bridge(),
            advertisedAddresses: { host.addresses },
            version: DaemonVersion.current,
            agent: DaemonVersion.agent,
            logger: logger
        )
        self.control = ControlServer(
            services: services,
            configuration: configuration,
            onPersistentConnectionCountChanged: onPersistentConnectionCountChanged
        )
    }

    /// Takes control clients from now on, those that came before first.
    func serve(on group: any EventLoopGroup) -> EventLoopFuture<Void> {
        let control = self.control
        let personality = self.personality
        let starts = self.listeners.map { listener in
            listener.start(on: group.next(), children: group) { channel, credentials in
                control.accept(channel, credentials: credentials, personality: personality)
            }
        }
        return EventLoopFuture.andAllSucceed(starts, on: group.next())
    }

    /// Takes no more clients and removes the socket files.
    func stopListening() {
        for listener in self.listeners {
            listener.close()
        }
    }

    /// Says goodbye to clients and peers.
    func close() -> EventLoopFuture<Void> {
        self.stopListening()
        self.control.shutdown()
        return self.host.close()
    }
}
