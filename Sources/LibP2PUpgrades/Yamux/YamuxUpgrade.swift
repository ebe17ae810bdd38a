public import LibP2PCore
public import NIOCore

/// Yamux: many streams on one secured channel, with flow control per stream.
///
/// libp2p/specs yamux r0 (2023-02-17) with the error codes of libp2p/specs error-codes.
public struct YamuxUpgrade: MuxerUpgrade {
    public var protocolID: ProtocolID { "/yamux/1.0.0" }

    private let configuration: YamuxConfiguration

    public init(configuration: YamuxConfiguration = YamuxConfiguration()) {
        self.configuration = configuration
    }

    /// Adds the muxer at the end of the pipeline. Call on the channel's event loop.
    ///
    /// - Parameter direction: outbound for the side that dialled.
    public func mux(_ channel: any Channel, direction: Direction) throws -> any MuxedConnection {
        let handler = YamuxHandler(
            eventLoop: channel.eventLoop,
            direction: direction,
            configuration: self.configuration
        )
        try channel.pipeline.syncOperations.addHandler(handler)
        return handler
    }
}
