import CNIOBoringSSL
import LibP2PCore
import NIOCore
import NIOSSL

/// The certificate of one host and the TLS contexts made from it: one per direction and list of muxers.
struct TLSContextCache {
    /// A host has one list of muxers; more only come from tests and reloads.
    static let maximumContexts = 8

    private struct Key: Hashable {
        let direction: Direction
        let muxers: [ProtocolID]
    }

    private var certificate: TLSCertificate?
    private var contexts: [Key: NIOSSLContext] = [:]

    /// Gives a context that was made before, or makes it.
    mutating func context(
        direction: Direction,
        muxers: [ProtocolID],
        hostKey: PrivateKey,
        now: () -> Int64
    ) throws(SecurityError) -> NIOSSLContext {
        let key = Key(direction: direction, muxers: muxers)
        if let context = self.contexts[key] { return context }
        let certificate = try self.certificate(hostKey: hostKey, now: now)
        let context: NIOSSLContext
        do {
            context = try NIOSSLContext(configuration: Self.configuration(certificate, direction, muxers))
        } catch {
            throw .handshakeFailed("no TLS context: \(error)")
        }
        Self.tune(context)
        if self.contexts.count >= Self.maximumContexts { self.contexts.removeAll() }
        self.contexts[key] = context
        return context
    }

    private mutating func certificate(hostKey: PrivateKey, now: () -> Int64) throws(SecurityError) -> TLSCertificate {
        if let certificate = self.certificate { return certificate }
        let certificate = try TLSCertificate.make(hostKey: hostKey, now: now())
        self.certificate = certificate
        return certificate
    }

    private static func configuration(
        _ certificate: TLSCertificate,
        _ direction: Direction,
        _ muxers: [ProtocolID]
    ) throws -> TLSConfiguration {
        let chain = [NIOSSLCertificateSource.certificate(certificate.certificate)]
        let privateKey = NIOSSLPrivateKeySource.privateKey(certificate.privateKey)
        var configuration: TLSConfiguration
        switch direction {
        case .inbound:
            configuration = .makeServerConfiguration(certificateChain: chain, privateKey: privateKey)
        case .outbound:
            configuration = .makeClientConfiguration()
            configuration.certificateChain = chain
            configuration.privateKey = privateKey
        }
        configuration.minimumTLSVersion = .tlsv13
        configuration.maximumTLSVersion = .tlsv13
        // Asks for the peer's certificate and fails without one, on both sides; the judgement itself is TLSPeerVerification's.
        configuration.certificateVerification = .noHostnameVerification
        // None: the system's would be read from disk and mean nothing here.
        configuration.trustRoots = .certificates([])
        configuration.verifySignatureAlgorithms = [
            .ecdsaSecp256R1Sha256, .ed25519, .ecdsaSecp384R1Sha384, .ecdsaSecp521R1Sha512,
            .rsaPssRsaeSha256, .rsaPssRsaeSha384, .rsaPssRsaeSha512,
        ]
        configuration.applicationProtocols = Self.applicationProtocols(muxers)
        configuration.renegotiationSupport = .none
        // How long a close waits for the peer's goodbye; what is lost without it, the muxer has said before.
        configuration.shutdownTimeout = .milliseconds(500)
        return configuration
    }

    /// The muxers, best first, then "libp2p" for peers without early muxer negotiation. ALPN names have 1…255 ASCII bytes.
    static func applicationProtocols(_ muxers: [ProtocolID]) -> [String] {
        muxers.map(\.rawValue).filter { name in
            (1...255).contains(name.utf8.count) && name.utf8.allSatisfy { $0 < 0x80 }
        } + ["libp2p"]
    }
}

extension TLSContextCache {
    /// The most bytes of certificates a peer may send: an RSA identity of 8192 bits and its certificate need about 5 KB.
    static let maximumCertificateBytes = 16_384

    /// Turns off session tickets, which nobody here redeems, and bounds the peer's certificates.
    ///
    /// swift-nio-ssl has no setting for either, so the pointer is read by reflection; its version is pinned exactly. Should the
    /// property vanish, peers are sent two useless tickets and may send 100 KB of certificates: nothing breaks. A test watches it.
    private static func tune(_ context: NIOSSLContext) {
        guard let pointer = self.boringSSLContext(context) else { return }
        SSL_CTX_set_options(pointer, UInt32(SSL_OP_NO_TICKET))
        SSL_CTX_set_num_tickets(pointer, 0)
        SSL_CTX_set_session_cache_mode(pointer, SSL_SESS_CACHE_OFF)
        SSL_CTX_set_max_cert_list(pointer, self.maximumCertificateBytes)
    }

    static func boringSSLContext(_ context: NIOSSLContext) -> OpaquePointer? {
        Mirror(reflecting: context).children.first { $0.label == "sslContext" }?.value as? OpaquePointer
    }
}
