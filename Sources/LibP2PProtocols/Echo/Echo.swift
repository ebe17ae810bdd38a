public import LibP2PCore
import NIOCore

/// Sends back what it receives, byte for byte, until the peer ends its direction. `/echo/1.0.0`.
public final class Echo: Sendable {
    public static let protocolID: ProtocolID = "/echo/1.0.0"

    private let network: any Network

    public init(network: any Network) {
        self.network = network
    }

    public func start() {
        self.network.setHandler(for: Self.protocolID) { stream in
            stream.delegate = EchoStream(stream: stream)
        }
    }

    public func stop() {
        self.network.removeHandler(for: Self.protocolID)
    }
}

/// One echoed stream. Lives on the stream's event loop.
final class EchoStream: MuxedStreamDelegate {
    private let stream: Stream

    init(stream: Stream) {
        self.stream = stream
    }

    func streamReceived(_ data: ByteBuffer) {
        let count = data.readableBytes
        // Credit goes back when the bytes have left: who does not read what comes back may soon send no more,
        // so that one receive window is all that a stream can make us hold.
        let promise = self.stream.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenSuccess { [stream = self.stream] in
            stream.returnCredit(count)
        }
        self.stream.write(data, promise: promise)
    }

    func streamRemoteClosedWrite() {
        self.stream.closeWrite()
    }

    func streamWritabilityChanged(_ isWritable: Bool) {}

    func streamClosed(_ reason: StreamCloseReason) {}
}
