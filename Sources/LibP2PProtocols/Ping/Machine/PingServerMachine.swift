import NIOCore

/// The answering side of a ping stream: payloads of 32 bytes go back as they came.
struct PingServerMachine {
    private var buffer = ByteBuffer()

    init() {}

    /// Takes bytes; gives what is to be written back, whole payloads only.
    mutating func receive(_ data: ByteBuffer) -> ByteBuffer? {
        if self.buffer.readableBytes == 0 {
            self.buffer = data
        } else {
            self.buffer.writeImmutableBuffer(data)
        }
        let whole = self.buffer.readableBytes - self.buffer.readableBytes % Ping.payloadBytes
        guard whole > 0 else { return nil }
        return self.buffer.readSlice(length: whole)
    }
}
