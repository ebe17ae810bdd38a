import NIOCore

extension ByteBuffer {
    /// Appends `data`; takes it over without a copy when nothing is left unread here.
    mutating func appendOrReplace(_ data: ByteBuffer) {
        if self.readableBytes == 0 {
            self = data
        } else {
            self.writeImmutableBuffer(data)
        }
    }
}
