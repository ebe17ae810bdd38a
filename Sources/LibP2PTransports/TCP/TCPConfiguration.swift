public import NIOCore

/// What can be set on the TCP transport.
public struct TCPConfiguration: Sendable, Hashable {
    /// How long a TCP handshake may take, within the timeout of the whole dial.
    public var connectTimeout: TimeAmount = .seconds(5)

    /// How long an inbound connection may take to secure and mux.
    public var acceptTimeout: TimeAmount = .seconds(15)

    /// Connections the kernel holds until they are accepted.
    public var backlog: Int32 = 1024

    /// Inbound connections that may be on their way through the upgrade at once; more are closed.
    public var maximumInboundUpgrades = 64

    /// The same from one IPv4 address or one IPv6 /64. Loopback is not counted by address.
    public var maximumInboundUpgradesPerAddress = 8

    /// Idle time before the kernel asks whether the peer is still there, and between its questions.
    public var keepAliveIntervalSeconds = 30

    /// Bytes waiting for the socket at which a channel stops and resumes being writable.
    public var writeBufferLowBytes = 65_536
    public var writeBufferHighBytes = 262_144

    /// How long a listener rests when the process or the system has run out of descriptors or memory, or has lost its socket.
    public var acceptBackoff: TimeAmount = .milliseconds(250)

    public init() {}

    /// One read at a time into a buffer of 1…64 KiB: NIO keeps one buffer for each connection that has read anything, so what an idle
    /// connection costs is the size it starts with, and one that was busy keeps one of at most 64 KiB.
    var receiveAllocator: AdaptiveRecvByteBufferAllocator {
        AdaptiveRecvByteBufferAllocator(minimum: 1024, initial: 4096, maximum: 65_536)
    }

    var writeBufferWaterMark: ChannelOptions.Types.WriteBufferWaterMark {
        let low = max(1, self.writeBufferLowBytes)
        return .init(low: low, high: max(low, self.writeBufferHighBytes))
    }
}
