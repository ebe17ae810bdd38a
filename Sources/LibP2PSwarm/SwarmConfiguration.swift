public import NIOCore

/// The times and limits of a swarm; the defaults are go-libp2p's.
public struct SwarmConfiguration: Sendable {
    /// Per attempt to reach one address.
    public var dialTimeout = TimeAmount.seconds(15)
    /// Per attempt to reach a private or loopback address.
    public var localDialTimeout = TimeAmount.seconds(5)
    /// Attempts that run at a time for one peer.
    public var concurrentDialsPerPeer = 8
    /// Attempts that run at a time over all peers.
    public var concurrentDials = 160
    /// Addresses taken from the resolution of one name.
    public var resolvedAddresses = 100
    /// Callers that may wait for dials at a time.
    public var maximumWaiters = 16_384
    /// How long a peer may take to agree on the protocol of a stream it opened.
    public var inboundNegotiationTimeout = TimeAmount.seconds(10)
    /// How long `disconnect` waits after the sockets are closed, so that the peer has seen it when the caller asks there.
    public var disconnectNotice = TimeAmount.milliseconds(50)
    /// How long a second connection to a peer is kept before it may be closed; the peer has to learn of both first.
    public var supplantGrace = TimeAmount.milliseconds(300)
    /// Connections of which one dialled by each side exist and that were opened within this time were dialled simultaneously.
    public var simultaneousDialWindow = TimeAmount.seconds(20)
    /// The most that `close` takes.
    public var closeTimeout = TimeAmount.seconds(5)
    public var connectionManager = ConnectionManagerConfiguration()

    public init() {}
}

/// When the connection manager closes connections.
public struct ConnectionManagerConfiguration: Sendable, Hashable {
    /// Trimming stops at this number of connections.
    public var lowWater = 160
    /// Trimming starts beyond this number of connections.
    public var highWater = 192
    /// Connections younger than this are spared.
    public var gracePeriod = TimeAmount.minutes(1)
    /// How often the number is looked at.
    public var interval = TimeAmount.seconds(10)

    public init() {}
}
