import LibP2PCore
import LibP2PProtocols
import LibP2PUpgrades
import Multiformats
import NIOCore
import P2PControl

/// One decoder that strangers can reach: whatever the bytes, it returns or throws; it never traps, hangs or grows without bound.
public struct FuzzTarget: Sendable {
    /// Names the folder of its corpus, `Tests/FuzzCorpus/<name>`.
    public let name: String
    public let run: @Sendable ([UInt8]) -> Void

    init(_ name: String, _ run: @escaping @Sendable ([UInt8]) -> Void) {
        self.name = name
        self.run = run
    }

    /// Every target; a new decoder is one line here and one folder of corpus.
    public static let all: [FuzzTarget] = [
        FuzzTarget("cid") { bytes in
            _ = try? CID(bytes: bytes)
            if let cid = try? CID(String(decoding: bytes, as: UTF8.self)) {
                expect((try? CID(bytes: cid.bytes)) == cid)
            }
        },
        FuzzTarget("control-frame") { bytes in
            var decoder = FrameDecoder(maximumBytes: 4096)
            feed(
                bytes,
                to: { chunk in
                    decoder.append(chunk)
                    while case .frame(let frame) = decoder.next() {
                        _ = try? ProtobufRequest.decode(frame)
                    }
                }
            )
        },
        FuzzTarget("control-request") { bytes in
            _ = try? ProtobufRequest.decode(bytes)
        },
        FuzzTarget("envelope") { bytes in
            _ = try? PeerRecord(envelope: bytes)
        },
        FuzzTarget("identify", Identify.fuzz),
        FuzzTarget("multiaddr") { bytes in
            guard let address = try? Multiaddr(bytes: bytes) else { return }
            _ = address.peerID
            expect((try? Multiaddr(bytes: address.bytes)) == address)
            _ = try? Multiaddr(address.description)
        },
        FuzzTarget("multiaddr-text") { bytes in
            guard let address = try? Multiaddr(String(decoding: bytes, as: UTF8.self)) else { return }
            expect((try? Multiaddr(address.description)) == address)
        },
        FuzzTarget("multibase") { bytes in
            _ = try? Multibase.decode(String(decoding: bytes, as: UTF8.self))
        },
        FuzzTarget("multistream-dialer") { bytes in
            guard var machine = try? MultistreamDialer(protocols: ["/a/1", "/b/1"]) else { return }
            feed(bytes, to: { _ = machine.receive($0) })
        },
        FuzzTarget("multistream-listener") { bytes in
            var machine = MultistreamListener()
            feed(bytes, to: { chunk in _ = machine.receive(chunk) { $0 == "/a/1" } })
        },
        FuzzTarget("noise-payload", NoiseUpgrade.fuzz),
        FuzzTarget("peer-id") { bytes in
            if let peer = try? PeerID(bytes: bytes) {
                expect((try? PeerID(peer.description)) == peer)
            }
            _ = try? PeerID(String(decoding: bytes, as: UTF8.self))
        },
        FuzzTarget("private-key") { bytes in
            guard let key = try? PrivateKey(protobuf: bytes), let signature = try? key.sign([1, 2, 3]) else { return }
            expect(key.publicKey.isValid(signature: signature, for: [1, 2, 3]))
        },
        FuzzTarget("public-key") { bytes in
            guard let key = try? PublicKey(protobuf: bytes) else { return }
            _ = key.peerID
            _ = key.isValid(signature: Array(bytes.suffix(64)), for: [1, 2, 3])
        },
        FuzzTarget("tls-certificate", TLSUpgrade.fuzz),
        FuzzTarget("varint") { bytes in
            guard let (value, length) = try? Varint.decode(bytes) else { return }
            expect(Array(bytes.prefix(length)) == Varint.encode(value))
        },
        FuzzTarget("yamux", YamuxFuzzTarget.run),
    ]

    /// Hands the bytes over in pieces, the first byte telling their size, as a network would.
    private static func feed(_ bytes: [UInt8], to receive: (ByteBuffer) -> Void) {
        guard let first = bytes.first else { return }
        let size = Int(first % 64) + 1
        var rest = bytes.dropFirst()
        while !rest.isEmpty {
            receive(ByteBuffer(bytes: rest.prefix(size)))
            rest = rest.dropFirst(size)
        }
    }

    /// A property that must hold; a crash is what a fuzzer sees.
    private static func expect(_ condition: Bool, line: UInt = #line) {
        precondition(condition, "the property at line \(line) does not hold")
    }
}
