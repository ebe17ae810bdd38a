package import NIOCore

/// Cuts a stream of bytes into messages: varint length ‖ message. Pure.
///
/// Holds at most what was appended and not yet taken; who feeds it stops reading while a message waits.
package struct FrameDecoder: Sendable {
    /// What the bytes so far hold.
    package enum Next: Sendable, Hashable {
        /// One message without its length; may be empty.
        case frame(ByteBuffer)
        /// Append more bytes first.
        case needsMoreBytes
        /// The bytes cannot be followed any further; the same is returned from now on.
        case violation(Violation)
    }

    package enum Violation: Error, Sendable, Hashable {
        /// The length takes more bytes than a number of 64 bits can.
        case malformedLength
        /// The message is longer than allowed; its length when it fits.
        case tooLong(UInt64)
    }

    private let maximumBytes: Int
    private var buffer = ByteBuffer()
    private var violation: Violation?

    package init(maximumBytes: Int) {
        self.maximumBytes = maximumBytes
    }

    /// Bytes appended and not yet taken.
    package var bufferedBytes: Int { self.buffer.readableBytes }

    package mutating func append(_ bytes: ByteBuffer) {
        if self.buffer.readableBytes == 0 {
            // The buffer given, not a copy; also lets go of the storage that earlier messages are slices of.
            self.buffer = bytes
        } else {
            self.buffer.writeImmutableBuffer(bytes)
        }
    }

    package mutating func next() -> Next {
        if let violation = self.violation {
            return .violation(violation)
        }
        guard let (length, prefixBytes) = self.peekLength() else {
            if let violation = self.violation {
                return .violation(violation)
            }
            return .needsMoreBytes
        }
        guard length <= UInt64(self.maximumBytes) else {
            self.violation = .tooLong(length)
            return .violation(.tooLong(length))
        }
        let frameBytes = Int(length)
        guard self.buffer.readableBytes - prefixBytes >= frameBytes else {
            return .needsMoreBytes
        }
        self.buffer.moveReaderIndex(forwardBy: prefixBytes)
        let frame = self.buffer.readSlice(length: frameBytes) ?? ByteBuffer()
        if self.buffer.readableBytes == 0 {
            self.buffer = ByteBuffer()
        }
        return .frame(frame)
    }

    /// Takes all bytes that are left, for whoever reads the connection from now on.
    package mutating func takeRemainder() -> ByteBuffer {
        defer { self.buffer = ByteBuffer() }
        return self.buffer
    }

    /// Reads the length without taking it; nil when it is not complete or there is a violation.
    private mutating func peekLength() -> (length: UInt64, bytes: Int)? {
        var value: UInt64 = 0
        let view = self.buffer.readableBytesView
        // Lengths that are not minimal are taken: the clients' varint libraries differ in what they write.
        for (index, byte) in view.prefix(10).enumerated() {
            let bits = UInt64(byte & 0x7f)
            guard index < 9 || bits <= 1 else { break }
            value |= bits << UInt64(7 * index)
            if byte < 0x80 {
                return (value, index + 1)
            }
        }
        if view.count >= 10 {
            self.violation = .malformedLength
        }
        return nil
    }
}

/// Writes varint length ‖ message.
package enum FrameEncoder {
    /// Writes the length of a message that follows.
    package static func writeLength(_ length: Int, to buffer: inout ByteBuffer) {
        ProtobufWire.writeVarint(UInt64(length), to: &buffer)
    }
}
