import LibP2PCore
import Multiformats
import NIOCore

/// Reads a peer's identify from a stream. Lives on the stream's event loop.
final class IdentifyReceiver: MuxedStreamDelegate {
    private let stream: Stream
    private var reader = IdentifyReader()
    private var deadline: Scheduled<Void>?
    /// Nil once called.
    private var completion: ((Result<IdentifyMessage, IdentifyFailure>) -> Void)?

    /// - Parameter completion: called once, on the event loop.
    init(stream: Stream, completion: @escaping (Result<IdentifyMessage, IdentifyFailure>) -> Void) {
        self.stream = stream
        self.completion = completion
    }

    func start(timeout: TimeAmount) {
        self.deadline = self.stream.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            self.fail(.timedOut, code: .noError)
        }
        self.stream.delegate = self
    }

    func streamReceived(_ data: ByteBuffer) {
        let count = data.readableBytes
        switch self.reader.receive(data) {
        case .awaitMore:
            self.stream.returnCredit(count)
        case .resetStream(let violation):
            self.fail(.violation(violation), code: .protocolViolation)
        }
    }

    func streamRemoteClosedWrite() {
        switch self.reader.receiveEnd() {
        case .judge(let message):
            self.complete(.success(message))
            self.stream.closeWrite()
        case .resetStream(let violation):
            self.fail(.violation(violation), code: .protocolViolation)
        }
    }

    func streamWritabilityChanged(_ isWritable: Bool) {}

    func streamClosed(_ reason: StreamCloseReason) {
        self.complete(.failure(.streamClosed))
    }

    private func fail(_ failure: IdentifyFailure, code: StreamErrorCode) {
        self.complete(.failure(failure))
        self.stream.reset(code)
    }

    private func complete(_ result: Result<IdentifyMessage, IdentifyFailure>) {
        guard let completion = self.completion else { return }
        self.completion = nil
        self.deadline?.cancel()
        self.deadline = nil
        completion(result)
    }
}

/// Writes our identify to a stream and waits for its end. Lives on the stream's event loop.
final class IdentifySender: MuxedStreamDelegate {
    private let stream: Stream
    private var deadline: Scheduled<Void>?
    private var completion: (() -> Void)?

    /// - Parameter completion: called once, on the event loop, when the stream has ended.
    init(stream: Stream, completion: @escaping () -> Void) {
        self.stream = stream
        self.completion = completion
    }

    func start(_ messages: [UInt8], timeout: TimeAmount) {
        self.deadline = self.stream.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            self.stream.reset(.noError)
        }
        self.stream.delegate = self
        self.stream.write(ByteBuffer(bytes: messages))
        self.stream.closeWrite()
    }

    func streamReceived(_ data: ByteBuffer) {
        // The receiver of an identify has nothing to say.
        self.stream.reset(.protocolViolation)
    }

    func streamRemoteClosedWrite() {}

    func streamWritabilityChanged(_ isWritable: Bool) {}

    func streamClosed(_ reason: StreamCloseReason) {
        self.deadline?.cancel()
        self.deadline = nil
        self.completion?()
        self.completion = nil
    }
}

/// Why a peer was not identified.
enum IdentifyFailure: Error, Sendable, Hashable {
    /// The stream ended early.
    case streamClosed
    case timedOut
    case violation(IdentifyViolation)
}

extension Identify {
    /// Feeds bytes of a peer to everything that decodes them here; must not trap. For tests and fuzzing.
    package static func fuzz(_ bytes: [UInt8]) {
        var reader = IdentifyReader()
        for half in [bytes.prefix(bytes.count / 2), bytes.suffix(from: bytes.count / 2)] {
            _ = reader.receive(ByteBuffer(bytes: half))
        }
        guard case .judge(let message) = reader.receiveEnd() else { return }
        _ = message.listenAddresses.compactMap { try? Multiaddr(bytes: $0) }
        _ = message.signedPeerRecord.map { try? PeerRecord(envelope: $0) }
        _ = message.publicKey.map { try? PublicKey(protobuf: $0) }
        _ = IdentifyWriter.encode(message)
    }
}
