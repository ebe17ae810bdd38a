import LibP2PCore
import NIOCore

/// Turns plaintext into transport messages. Pure.
struct NoiseSealer {
    private var state: NoiseCipherState

    /// What one call should be given at most; the output of four full messages still fits one allocation that is worth reusing.
    static let batchBytes = 4 * NoiseFrame.maximumPlaintextBytes

    /// Pieces of at least this size are encrypted from where they are into messages of their own; smaller ones are gathered first.
    /// A message costs about as much as copying 2 KiB, so that the extra message a large piece may cause is cheaper than its copy.
    private static let directBytes = 32_768

    init(_ state: NoiseCipherState) {
        self.state = state
    }

    /// Seals the pieces, in order, as one stream of bytes.
    ///
    /// - Returns: frames of at most 65519 plaintext bytes each; as few as `directBytes` allows.
    mutating func seal(_ pieces: some Collection<ByteBuffer>) throws(NoiseError) -> ByteBuffer {
        let total = pieces.reduce(0) { $0 + $1.readableBytes }
        guard total > 0 else { return ByteBuffer() }
        // Each direct message may cut a gathered one short: two per `directBytes`, one at the end.
        let frames = 2 * (total / Self.directBytes) + 1
        var output = ByteBufferAllocator().buffer(capacity: total + frames * NoiseFrame.overheadBytes)
        var failure: NoiseError?
        output.writeWithUnsafeMutableBytes(minimumWritableBytes: total + frames * NoiseFrame.overheadBytes) { buffer in
            var writer = FrameWriter(output: buffer, state: self.state)
            do throws(NoiseError) {
                for piece in pieces {
                    try piece.withUnsafeReadableBytes { bytes throws(NoiseError) in try writer.append(bytes) }
                }
                try writer.closeFrame()
            } catch {
                failure = error
            }
            self.state = writer.state
            return writer.frameStart
        }
        if let failure { throw failure }
        return output
    }

    /// Frames in a buffer that is large enough for them.
    private struct FrameWriter {
        let output: UnsafeMutableRawBufferPointer
        var state: NoiseCipherState
        /// Where the open frame begins; all before it is sealed.
        var frameStart = 0
        /// Plaintext in the open frame.
        var gathered = 0

        mutating func append(_ bytes: UnsafeRawBufferPointer) throws(NoiseError) {
            var rest = bytes
            while !rest.isEmpty {
                if rest.count >= NoiseSealer.directBytes {
                    try self.closeFrame()
                    let count = min(rest.count, NoiseFrame.maximumPlaintextBytes)
                    try self.sealFrame(count: count, from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
                    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                } else {
                    let count = min(rest.count, NoiseFrame.maximumPlaintextBytes - self.gathered)
                    let start = self.frameStart + NoiseFrame.lengthBytes + self.gathered
                    UnsafeMutableRawBufferPointer(rebasing: self.output[start..<(start + count)])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: rest[..<count]))
                    self.gathered += count
                    rest = UnsafeRawBufferPointer(rebasing: rest[count...])
                    if self.gathered == NoiseFrame.maximumPlaintextBytes {
                        try self.closeFrame()
                    }
                }
            }
        }

        /// Seals what was gathered, if anything.
        mutating func closeFrame() throws(NoiseError) {
            guard self.gathered > 0 else { return }
            try self.sealFrame(count: self.gathered, from: nil)
            self.gathered = 0
        }

        private mutating func sealFrame(count: Int, from source: UnsafeRawBufferPointer?) throws(NoiseError) {
            let nonce = try self.state.takeNonce()
            let messageStart = self.frameStart + NoiseFrame.lengthBytes
            let messageEnd = messageStart + count + ChaCha20Poly1305.tagByteCount
            let message = UnsafeMutableRawBufferPointer(rebasing: self.output[messageStart..<messageEnd])
            do throws(AEADError) {
                if let source {
                    try self.state.cipher.seal(source, into: message, nonce: nonce)
                } else {
                    try self.state.cipher.seal(message, plaintextCount: count, nonce: nonce)
                }
            } catch {
                throw .wrongTurn
            }
            let length = UInt16(truncatingIfNeeded: message.count).bigEndian
            self.output.storeBytes(of: length, toByteOffset: self.frameStart, as: UInt16.self)
            self.frameStart = messageEnd
        }
    }
}
