import LibP2PCore
import NIOCore

/// Turns transport messages, cut in any way, into plaintext. Pure.
struct NoiseOpener {
    private var state: NoiseCipherState

    /// An incomplete frame: its length, or a part of that, and what has come of its message. At most 65536 bytes.
    private var carry = ByteBuffer()

    /// Whether the peer stopped within a message.
    var isWithinMessage: Bool { self.carry.readableBytes > 0 }

    init(_ state: NoiseCipherState) {
        self.state = state
    }

    /// Decrypts all messages that `input` completes into one buffer.
    ///
    /// The plaintext goes to memory of its own, not in place: the socket keeps a reference to what it read, so that writing there
    /// would copy it first; decrypting elsewhere costs no more and leaves the socket its buffer for the next read.
    ///
    /// - Returns: the plaintext, empty when no message is complete, and the error that ended it: nothing may follow that.
    mutating func open(_ input: ByteBuffer) -> (plaintext: ByteBuffer, failure: NoiseError?) {
        var input = input
        var output = ByteBuffer()
        do throws(NoiseError) {
            if self.isWithinMessage {
                guard try self.completeCarry(from: &input) else { return (output, nil) }
                // Given up here: memory for 65 KiB is not kept for a connection that may now be idle.
                var whole = self.carry
                self.carry = ByteBuffer()
                output.reserveCapacity(whole.readableBytes + input.readableBytes)
                try self.openMessage(of: &whole, into: &output)
            }
            while let length = try Self.messageLength(of: input) {
                let frameBytes = NoiseFrame.lengthBytes + length
                guard input.readableBytes >= frameBytes else { break }
                if output.capacity == 0 { output.reserveCapacity(input.readableBytes) }
                try self.openMessage(of: &input, into: &output)
            }
            try self.keep(input)
            return (output, nil)
        } catch {
            self.carry = ByteBuffer()
            return (output, error)
        }
    }

    /// Moves bytes from `input` until the carried frame is whole; false when there are too few.
    private mutating func completeCarry(from input: inout ByteBuffer) throws(NoiseError) -> Bool {
        if self.carry.readableBytes < NoiseFrame.lengthBytes {
            guard let byte = input.readInteger(as: UInt8.self) else { return false }
            self.carry.writeInteger(byte)
        }
        guard let length = try Self.messageLength(of: self.carry) else { return false }
        let missing = NoiseFrame.lengthBytes + length - self.carry.readableBytes
        guard var part = input.readSlice(length: min(missing, input.readableBytes)) else { return false }
        self.carry.reserveCapacity(minimumWritableBytes: missing)
        self.carry.writeBuffer(&part)
        return self.carry.readableBytes == NoiseFrame.lengthBytes + length
    }

    /// Copies an incomplete frame, with room for the rest of it, so that it is copied once.
    private mutating func keep(_ input: ByteBuffer) throws(NoiseError) {
        guard input.readableBytes > 0 else { return }
        let length = try Self.messageLength(of: input) ?? 0
        self.carry = ByteBufferAllocator().buffer(capacity: NoiseFrame.lengthBytes + length)
        self.carry.writeImmutableBuffer(input)
    }

    private static func messageLength(of buffer: ByteBuffer) throws(NoiseError) -> Int? {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) else { return nil }
        guard Int(length) >= ChaCha20Poly1305.tagByteCount else { throw .messageTooShort }
        return Int(length)
    }

    /// Decrypts the frame at the start of `buffer`, which is whole, to the end of `output`.
    private mutating func openMessage(of buffer: inout ByteBuffer, into output: inout ByteBuffer) throws(NoiseError) {
        guard let length = try Self.messageLength(of: buffer) else { throw .wrongTurn }
        let nonce = try self.state.takeNonce()
        let cipher = self.state.cipher
        let frameBytes = NoiseFrame.lengthBytes + length
        let isAuthentic = buffer.withUnsafeReadableBytes { frame in
            let message = UnsafeRawBufferPointer(rebasing: frame[NoiseFrame.lengthBytes..<frameBytes])
            var isAuthentic = false
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { free in
                do throws(AEADError) {
                    let count = try cipher.open(message, into: free, nonce: nonce)
                    isAuthentic = true
                    return count
                } catch {
                    return 0
                }
            }
            return isAuthentic
        }
        guard isAuthentic else { throw .decryptionFailed }
        buffer.moveReaderIndex(forwardBy: frameBytes)
    }
}
