import Glibc
public import LibP2PCore
public import NIOCore

/// How a host presents itself, and how much identifying may cost.
public struct IdentifyConfiguration: Sendable {
    public var identity: PrivateKey
    /// Name and version of the program, as `p2pd/1.0.0`.
    public var agentVersion: String
    /// The family of protocols; for people only.
    public var protocolVersion = "ipfs/0.1.0"
    /// For one exchange, from opening the stream to its end.
    public var timeout = TimeAmount.seconds(5)
    /// How long changes of ours are collected before they are pushed.
    public var pushDelay = TimeAmount.milliseconds(100)
    /// Pushes that run at a time.
    public var concurrentPushes = 32
    /// Identify streams that one peer has open at a time.
    public var streamsPerPeer = 16
    /// Pushes that one peer has open at a time.
    public var pushesPerPeer = 2
    /// The number of the next signed record; it must grow from start to start. Nanoseconds since 1970 by default.
    public var sequence: @Sendable () -> UInt64 = {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        let seconds = UInt64(exactly: time.tv_sec) ?? 0
        return seconds &* 1_000_000_000 &+ (UInt64(exactly: time.tv_nsec) ?? 0)
    }

    public init(identity: PrivateKey, agentVersion: String) {
        self.identity = identity
        self.agentVersion = agentVersion
    }
}
