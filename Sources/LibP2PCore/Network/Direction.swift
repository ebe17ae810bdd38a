/// Who opened a connection or a stream.
public enum Direction: Sendable, Hashable {
    /// The other side opened it; in handshakes we are the responder (listener, server).
    case inbound
    /// We opened it; in handshakes we are the initiator (dialer, client).
    case outbound
}
