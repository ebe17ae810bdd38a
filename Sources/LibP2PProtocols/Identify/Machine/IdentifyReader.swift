import Multiformats
import NIOCore

/// Reads the messages of one identify exchange: (varint length ‖ protobuf `Identify`){1,10}, then the end of the stream.
struct IdentifyReader {
    private enum State {
        case reading
        /// Nothing more is looked at.
        case failed
    }

    private var state = State.reading
    private var buffer = ByteBuffer()
    private var message = IdentifyMessage()
    private var messageCount = 0

    init() {}

    enum OnReceive: Equatable {
        /// Go on reading.
        case awaitMore
        /// Reset the stream; what was said is void.
        case resetStream(IdentifyViolation)
    }

    /// Takes bytes of the stream. What is buffered stays below one message: 8 KiB.
    mutating func receive(_ data: ByteBuffer) -> OnReceive {
        guard case .reading = self.state else { return .awaitMore }
        self.buffer.writeImmutableBuffer(data)
        while self.buffer.readableBytes > 0 {
            let length: Int
            do {
                guard let prefix = try Varint.decode(self.buffer.readableBytesView.prefix(9)) else {
                    return .awaitMore
                }
                guard prefix.value <= IdentifyLimits.messageBytes else { return self.fail(.messageTooLarge) }
                length = Int(prefix.value)
                guard self.buffer.readableBytes - prefix.length >= length else { return .awaitMore }
                self.buffer.moveReaderIndex(forwardBy: prefix.length)
            } catch {
                return self.fail(.malformedMessage)
            }
            guard self.messageCount < IdentifyLimits.messages else { return self.fail(.tooManyMessages) }
            self.messageCount += 1
            do throws(IdentifyViolation) {
                self.message.merge(try IdentifyMessage(protobuf: self.buffer.readBytes(length: length) ?? []))
            } catch {
                return self.fail(error)
            }
            guard self.message.protocols.count <= IdentifyLimits.protocols else {
                return self.fail(.tooManyProtocols)
            }
        }
        self.buffer.clear()
        return .awaitMore
    }

    enum OnEnd: Equatable {
        /// The exchange is complete.
        case judge(IdentifyMessage)
        /// Reset the stream; what was said is void.
        case resetStream(IdentifyViolation)
    }

    /// The peer ended its direction.
    mutating func receiveEnd() -> OnEnd {
        guard case .reading = self.state, self.messageCount > 0, self.buffer.readableBytes == 0 else {
            return .resetStream(.incomplete)
        }
        return .judge(self.message)
    }

    private mutating func fail(_ violation: IdentifyViolation) -> OnReceive {
        self.state = .failed
        self.buffer = ByteBuffer()
        return .resetStream(violation)
    }
}
