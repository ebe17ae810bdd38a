import Glibc
public import LibP2PCore
public import Multiformats
import SwiftProtobuf

/// Asks a daemon, one request at a time, over a blocking socket: for command line tools. Not thread-safe.
///
/// Closes its connection when it is let go of, unless the descriptor was taken.
public final class ControlClient {
    /// A stream as the daemon tells of it.
    public struct StreamDescription: Hashable, Sendable {
        public let peer: PeerID
        public let address: Multiaddr
        public let protocolID: ProtocolID
    }

    /// A peer and the addresses of its connections.
    public struct ConnectedPeer: Hashable, Sendable {
        public let peer: PeerID
        public let addresses: [Multiaddr]
    }

    public let address: ControlAddress
    private let socket: BlockingSocket
    private var ownsDescriptor = true

    /// Connects to the daemon.
    /// - Throws: `.unreachable`.
    public init(_ address: ControlAddress) throws(ControlClientError) {
        self.address = address
        do {
            self.socket = try BlockingSocket.connect(to: address)
        } catch {
            throw .unreachable(address, error.reason)
        }
    }

    deinit {
        if self.ownsDescriptor {
            self.socket.close()
        }
    }

    /// The uid the daemon listens as; nil over TCP.
    public var daemonUID: UInt32? { self.socket.peerUID }

    public func identify() throws(ControlClientError) -> ConnectedPeer {
        let answer = try self.ask { $0.type = .identify }.identify
        return ConnectedPeer(peer: try Self.peer(answer.id), addresses: answer.addrs.compactMap { Self.multiaddr($0) })
    }

    /// One entry per connection.
    public func peers() throws(ControlClientError) -> [ConnectedPeer] {
        var peers: [ConnectedPeer] = []
        for info in try self.ask({ $0.type = .listPeers }).peers {
            peers.append(
                ConnectedPeer(peer: try Self.peer(info.id), addresses: info.addrs.compactMap { Self.multiaddr($0) })
            )
        }
        return peers
    }

    public func connect(
        to peer: PeerID,
        addresses: [Multiaddr],
        timeoutSeconds: Int
    ) throws(ControlClientError) {
        _ = try self.ask(timeoutSeconds: timeoutSeconds) {
            $0.type = .connect
            $0.connect.peer = .copying(peer.bytes)
            $0.connect.addrs = addresses.map { .copying($0.bytes) }
            $0.connect.timeout = Int64(timeoutSeconds)
        }
    }

    public func disconnect(_ peer: PeerID) throws(ControlClientError) {
        _ = try self.ask {
            $0.type = .disconnect
            $0.disconnect.peer = .copying(peer.bytes)
        }
    }

    /// Opens a stream; this client's connection is the stream then, to be had with `takeDescriptor`.
    public func openStream(
        to peer: PeerID,
        protocols: [ProtocolID],
        timeoutSeconds: Int
    ) throws(ControlClientError) -> StreamDescription {
        let answer = try self.ask(timeoutSeconds: timeoutSeconds) {
            $0.type = .streamOpen
            $0.streamOpen.peer = .copying(peer.bytes)
            $0.streamOpen.proto = protocols.map(\.rawValue)
            $0.streamOpen.timeout = Int64(timeoutSeconds)
        }
        return try StreamDescription(answer.streamInfo)
    }

    /// Has inbound streams sent to an address this process listens at.
    /// - Parameter isBalanced: whether to take turns with other handlers; otherwise there may be none.
    public func handle(
        _ protocols: [ProtocolID],
        at address: Multiaddr,
        isBalanced: Bool
    ) throws(ControlClientError) {
        _ = try self.ask {
            $0.type = .streamHandler
            $0.streamHandler.addr = .copying(address.bytes)
            $0.streamHandler.proto = protocols.map(\.rawValue)
            $0.streamHandler.balanced = isBalanced
        }
    }

    /// Takes back what `handle` registered.
    public func unhandle(_ protocols: [ProtocolID], at address: Multiaddr) throws(ControlClientError) {
        var inner = ProtoRemoveStreamHandlerRequest()
        inner.addr = .copying(address.bytes)
        inner.proto = protocols.map(\.rawValue)
        let bytes = Self.encode(inner)
        _ = try self.ask {
            $0.type = .removeStreamHandler
            $0.removeStreamHandlerOrPeerstore = .copying(bytes)
        }
    }

    /// The daemon's version; nil for daemons that cannot tell.
    public func version() throws(ControlClientError) -> String? {
        do {
            return try self.ask { $0.type = .version }.version.version
        } catch {
            guard error == .disconnected else { throw error }
            return nil
        }
    }

    /// Gives the socket away; the client is of no use afterwards.
    public func takeDescriptor() -> Int32 {
        self.ownsDescriptor = false
        self.socket.setTimeout(seconds: 0)
        return self.socket.descriptor
    }

    /// Reads what precedes the bytes of an inbound stream, and nothing of them.
    public static func readPrologue(_ descriptor: Int32) throws(ControlClientError) -> StreamDescription {
        let socket = BlockingSocket(descriptor: descriptor)
        socket.setTimeout(seconds: Self.prologueSeconds)
        defer { socket.setTimeout(seconds: 0) }
        let bytes: [UInt8]
        do {
            bytes = try socket.readFrame(maximumBytes: Self.maximumPrologueBytes)
        } catch {
            throw .malformedAnswer
        }
        guard let info = try? ProtoStreamInfo(serializedBytes: bytes) else {
            throw .malformedAnswer
        }
        return try StreamDescription(info)
    }

    private func ask(
        timeoutSeconds: Int = 60,
        _ fill: (inout ProtoRequest) -> Void
    ) throws(ControlClientError) -> ProtoResponse {
        var request = ProtoRequest()
        fill(&request)
        let bytes = Self.encode(request)
        let answer: [UInt8]
        do {
            // The daemon answers by its own deadline; this one is for a daemon that does not.
            self.socket.setTimeout(seconds: timeoutSeconds + Self.graceSeconds)
            try self.socket.writeAll(Varint.encode(UInt64(bytes.count)) + bytes)
            answer = try self.socket.readFrame(maximumBytes: Self.maximumAnswerBytes)
        } catch {
            switch error {
            case .ended: throw .disconnected
            case .system(EMSGSIZE): throw .malformedAnswer
            case .system: throw .disconnected
            case .timedOut: throw .timedOut
            }
        }
        guard let response = try? ProtoResponse(serializedBytes: answer), response.hasType else {
            throw .malformedAnswer
        }
        guard response.type == .ok else {
            throw .refused(response.error.msg)
        }
        return response
    }

    private static func encode(_ message: some Message) -> [UInt8] {
        // Nothing is `required`: no encoding of ours can fail.
        (try? message.serializedBytes()) ?? []
    }

    fileprivate static func peer(_ bytes: some Sequence<UInt8>) throws(ControlClientError) -> PeerID {
        do {
            return try PeerID(bytes: Array(bytes))
        } catch {
            throw .malformedAnswer
        }
    }

    /// nil for addresses with protocols that this program does not know: they are left out.
    private static func multiaddr(_ bytes: some Sequence<UInt8>) -> Multiaddr? {
        try? Multiaddr(bytes: Array(bytes))
    }

    private static let graceSeconds = 10
    private static let prologueSeconds = 10
    private static let maximumAnswerBytes = 64 * 1024 * 1024
    private static let maximumPrologueBytes = 16_384
}

extension ControlClient.StreamDescription {
    fileprivate init(_ info: ProtoStreamInfo) throws(ControlClientError) {
        guard let address = try? Multiaddr(bytes: Array(info.addr)) else {
            throw .malformedAnswer
        }
        self.peer = try ControlClient.peer(info.peer)
        self.address = address
        self.protocolID = ProtocolID(info.proto)
    }
}

/// Why a daemon could not be asked, or did not do what it was asked.
public enum ControlClientError: Error, Sendable, Hashable {
    /// The daemon closed the connection instead of answering.
    case disconnected
    /// What came is no answer: something else listens there, or another version.
    case malformedAnswer
    /// The daemon's own words.
    case refused(String)
    /// The daemon did not answer in time.
    case timedOut
    /// Nobody serves the address; the text is the system's.
    case unreachable(ControlAddress, String)
}

extension BlockingSocket.Failure {
    fileprivate var reason: String {
        switch self {
        case .ended: "connection ended"
        case .system(let number): String(cString: strerror(number))
        case .timedOut: "timed out"
        }
    }
}
