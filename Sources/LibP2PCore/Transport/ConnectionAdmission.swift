public import Multiformats
public import NIOCore

/// Decides on accepted sockets before anything is spent on them; transports and upgraders ask it first.
public struct ConnectionAdmission: Sendable {
    public let resources: ResourceManager
    public let gater: any ConnectionGater

    public init(resources: ResourceManager, gater: any ConnectionGater) {
        self.resources = resources
        self.gater = gater
    }

    /// Counts an inbound connection, or refuses it: the socket is to be closed at once then.
    ///
    /// The scope goes into `UpgradedConnection.scope`; where the upgrade fails it is closed (or dropped).
    /// - Throws: `.limitExceeded` with the limit's or the gater's name.
    public func admitInbound(from remoteAddress: Multiaddr, now: NIODeadline) throws(TransportError) -> ConnectionScope
    {
        guard self.gater.mayAccept(from: remoteAddress) else {
            throw .limitExceeded("gater: address is blocked")
        }
        do {
            return try self.resources.openConnection(.inbound, remoteAddress: remoteAddress, now: now)
        } catch {
            throw .limitExceeded("\(error)")
        }
    }
}
