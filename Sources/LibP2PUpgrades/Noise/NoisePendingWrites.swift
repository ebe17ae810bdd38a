import NIOCore

/// Plaintext that was written and not yet sealed.
///
/// Not bounded here: the muxer above stops at its high-water mark and flushes at the end of each turn of the loop.
struct NoisePendingWrites {
    private var writes = CircularBuffer<(data: ByteBuffer, promise: EventLoopPromise<Void>?)>()

    mutating func append(_ data: ByteBuffer, promise: EventLoopPromise<Void>?) {
        self.writes.append((data, promise))
    }

    /// Writes that are sealed and handed to the socket together.
    struct Batch {
        var pieces: [ByteBuffer] = []
        /// Of the writes that end within this batch.
        var promises: [EventLoopPromise<Void>] = []

        /// One promise that settles all of them; nil when there are none.
        func combinedPromise(on eventLoop: any EventLoop) -> EventLoopPromise<Void>? {
            guard self.promises.count > 1 else { return self.promises.first }
            let combined = eventLoop.makePromise(of: Void.self)
            let promises = self.promises
            combined.futureResult.whenComplete { result in
                for promise in promises { promise.completeWith(result) }
            }
            return combined
        }

        func fail(_ error: any Error) {
            for promise in self.promises { promise.fail(error) }
        }
    }

    /// Takes the oldest writes, cutting the last one; nil when there are none.
    mutating func takeBatch(maximumBytes: Int) -> Batch? {
        guard !self.writes.isEmpty else { return nil }
        var batch = Batch()
        var room = maximumBytes
        while let first = self.writes.first {
            if first.data.readableBytes <= room {
                room -= first.data.readableBytes
                batch.pieces.append(first.data)
                if let promise = first.promise { batch.promises.append(promise) }
                self.writes.removeFirst()
            } else {
                var rest = first.data
                if room > 0, let piece = rest.readSlice(length: room) {
                    batch.pieces.append(piece)
                    self.writes[self.writes.startIndex].data = rest
                }
                break
            }
        }
        return batch
    }

    mutating func failAll(_ error: any Error) {
        // Taken out first: a callback of a promise may write again.
        let writes = self.writes
        self.writes.removeAll()
        for write in writes { write.promise?.fail(error) }
    }
}
