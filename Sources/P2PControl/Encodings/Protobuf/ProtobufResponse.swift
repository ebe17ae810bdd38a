package import LibP2PCore
package import Multiformats
package import NIOCore
import SwiftProtobuf

/// Writes answers of the protobuf encoding: varint length ‖ message.
///
/// Every field that some client calls required is written, zero values too: their decoders fail without.
package enum ProtobufResponse {
    /// Encodes what an operation answers.
    package static func encode(_ result: OperationResult) -> ByteBuffer {
        var response = ProtoResponse()
        response.type = .ok
        switch result {
        case .done, .persistentConnection:
            break
        case .identity(let peer, let addresses):
            response.identify.id = .copying(peer.bytes)
            response.identify.addrs = addresses.map { .copying($0.bytes) }
        case .peerAddresses(let peer, let addresses):
            response.peerStore.peer = ProtoPeerInfo(peer, addresses)
        case .peers(let peers):
            response.peers = peers.map { ProtoPeerInfo($0.peer, [$0.address]) }
        case .protocols(let protocols):
            response.peerStore.protos = protocols.map(\.rawValue)
        case .stream(let stream):
            response.streamInfo = ProtoStreamInfo(
                stream.connection.remotePeer,
                stream.connection.remoteAddress,
                stream.protocolID
            )
        case .version(let version):
            response.version.version = version.version
            response.version.agent = version.agent
            response.version.personality = version.personality.rawValue
            response.version.operations = version.operations
        }
        return self.frame(response)
    }

    /// Encodes why an operation failed.
    package static func encode(_ error: OperationError) -> ByteBuffer {
        self.error(error.description)
    }

    /// Encodes an error by its text.
    package static func error(_ message: String) -> ByteBuffer {
        var response = ProtoResponse()
        response.type = .error
        response.error.msg = message
        return self.frame(response)
    }

    /// Encodes what precedes the bytes of an inbound stream: a `StreamInfo` of its own, not in a `Response`.
    package static func prologue(peer: PeerID, address: Multiaddr, protocolID: ProtocolID) -> ByteBuffer {
        self.frame(ProtoStreamInfo(peer, address, protocolID))
    }

    private static func frame(_ message: some Message) -> ByteBuffer {
        // Nothing is `required`, so that no encoding of ours can fail; an empty answer would be one that clients refuse.
        let bytes: [UInt8] = (try? message.serializedBytes()) ?? []
        var buffer = ByteBuffer()
        buffer.reserveCapacity(bytes.count + 5)
        FrameEncoder.writeLength(bytes.count, to: &buffer)
        buffer.writeBytes(bytes)
        return buffer
    }
}

extension ProtoStreamInfo {
    fileprivate init(_ peer: PeerID, _ address: Multiaddr, _ protocolID: ProtocolID) {
        self.init()
        self.peer = .copying(peer.bytes)
        self.addr = .copying(address.bytes)
        self.proto = protocolID.rawValue
    }
}

extension ProtoPeerInfo {
    fileprivate init(_ peer: PeerID, _ addresses: [Multiaddr]) {
        self.init()
        self.id = .copying(peer.bytes)
        self.addrs = addresses.map { .copying($0.bytes) }
    }
}

extension RangeReplaceableCollection<UInt8> {
    /// The bytes as the collection that generated messages use, which need not be named here.
    static func copying(_ bytes: [UInt8]) -> Self {
        Self(bytes)
    }
}
