import LibP2PCore
import NIOCore

/// The framing of Noise messages: 2 bytes length in big endian ‖ message. libp2p/specs noise/README.md §"Wire Format".
enum NoiseFrame {
    static let lengthBytes = 2
    static let maximumMessageBytes = 65_535
    static let maximumPlaintextBytes = 65_535 - ChaCha20Poly1305.tagByteCount
    /// What a transport message costs beyond its plaintext.
    static let overheadBytes = Self.lengthBytes + ChaCha20Poly1305.tagByteCount

    /// Takes one handshake message out of `buffer`; nil when more bytes are needed.
    static func readHandshakeMessage(from buffer: inout ByteBuffer) throws(NoiseError) -> [UInt8]? {
        guard let length = buffer.getInteger(at: buffer.readerIndex, as: UInt16.self) else { return nil }
        guard Int(length) <= NoisePayload.maximumBytes else { throw .handshakeMessageTooLong }
        guard let message = buffer.getBytes(at: buffer.readerIndex + Self.lengthBytes, length: Int(length)) else {
            return nil
        }
        buffer.moveReaderIndex(forwardBy: Self.lengthBytes + Int(length))
        return message
    }

    static func writeHandshakeMessage(_ message: [UInt8]) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: Self.lengthBytes + message.count)
        // Ours: an identity key, a signature and the names of our muxers are far below 65535 bytes.
        buffer.writeInteger(UInt16(clamping: message.count))
        buffer.writeBytes(message)
        return buffer
    }
}
