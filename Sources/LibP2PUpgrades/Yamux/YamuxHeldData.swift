import NIOCore

/// Bytes that wait for a delegate.
///
/// A slice keeps the whole buffer it was cut from alive: a peer that sends one byte per frame could pin a megabyte with a
/// few kilobytes. So what is small against its buffer is copied together.
struct YamuxHeldData {
    private var pieces = YamuxQueue<ByteBuffer>()
    // Whether the last piece was made here, so that more can be copied behind it.
    private var isLastPieceOurs = false

    var isEmpty: Bool { self.pieces.isEmpty }

    mutating func append(_ data: ByteBuffer) {
        let count = data.readableBytes
        guard count > 0 else { return }
        if count >= 1024, count * 2 >= data.storageCapacity {
            self.pieces.append(data)
            self.isLastPieceOurs = false
            return
        }
        if self.isLastPieceOurs, !self.pieces.isEmpty {
            let isAppended = self.pieces.withLast { last in
                guard last.readableBytes + count <= 65_536 else { return false }
                last.writeImmutableBuffer(data)
                return true
            }
            if isAppended == true { return }
        }
        var copy = ByteBuffer()
        copy.writeImmutableBuffer(data)
        self.pieces.append(copy)
        self.isLastPieceOurs = true
    }

    mutating func prepend(_ data: ByteBuffer) {
        guard data.readableBytes > 0 else { return }
        if self.pieces.isEmpty {
            self.isLastPieceOurs = false
        }
        self.pieces.prepend(data)
    }

    mutating func popFirst() -> ByteBuffer? {
        self.pieces.popFirst()
    }
}
