import NIOCore

/// Cuts the inbound bytes into headers and pieces of bodies.
///
/// Bodies are handed on as they arrive, as slices; the only bytes kept are those of an incomplete header. So a header
/// that claims four gigabytes costs nothing, and the window is checked before the first byte of the body is taken.
struct YamuxFrameDecoder: Sendable {
    /// What comes next in the buffer.
    enum Event: Hashable {
        /// A header. If it is a data frame's, its body follows in pieces.
        case header(YamuxHeader)
        /// A piece of the body of the last header; `isLast` when it completes it. Never empty.
        case body(ByteBuffer, isLast: Bool)
        /// The buffer is used up.
        case needMoreBytes
        /// Close the connection; what follows cannot be understood.
        case violation(YamuxViolation)
    }

    /// Bytes of the current body that have not arrived.
    private(set) var bodyBytesLeft: UInt32 = 0
    private var partialHigh: UInt64 = 0
    private var partialLow: UInt32 = 0
    private var partialCount = 0

    /// Takes the next event off the front of `buffer`.
    @inline(__always)
    mutating func next(_ buffer: inout ByteBuffer) -> Event {
        let readable = buffer.readableBytes
        if self.bodyBytesLeft > 0 {
            guard readable > 0 else { return .needMoreBytes }
            let count = min(readable, Int(self.bodyBytesLeft))
            guard let piece = buffer.readSlice(length: count) else { return .needMoreBytes }
            self.bodyBytesLeft -= UInt32(truncatingIfNeeded: count)
            return .body(piece, isLast: self.bodyBytesLeft == 0)
        }
        guard self.partialCount == 0, readable >= YamuxHeader.byteCount,
            let (high, low) = buffer.readMultipleIntegers(as: (UInt64, UInt32).self)
        else { return self.continuePartialHeader(&buffer) }
        return self.headerEvent(high: high, low: low)
    }

    private mutating func continuePartialHeader(_ buffer: inout ByteBuffer) -> Event {
        while self.partialCount < YamuxHeader.byteCount {
            guard let byte = buffer.readInteger(as: UInt8.self) else { return .needMoreBytes }
            if self.partialCount < 8 {
                self.partialHigh = self.partialHigh << 8 | UInt64(byte)
            } else {
                self.partialLow = self.partialLow << 8 | UInt32(byte)
            }
            self.partialCount += 1
        }
        let (high, low) = (self.partialHigh, self.partialLow)
        (self.partialHigh, self.partialLow, self.partialCount) = (0, 0, 0)
        return self.headerEvent(high: high, low: low)
    }

    @inline(__always)
    private mutating func headerEvent(high: UInt64, low: UInt32) -> Event {
        switch YamuxHeader.parse(high: high, low: low) {
        case .header(let header):
            if header.type == .data {
                self.bodyBytesLeft = header.length
            }
            return .header(header)
        case .violation(let violation):
            return .violation(violation)
        }
    }
}
