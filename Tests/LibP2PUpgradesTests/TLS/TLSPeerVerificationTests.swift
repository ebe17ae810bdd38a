import CNIOBoringSSL
import LibP2PCore
import Multiformats
import Testing

@testable import LibP2PUpgrades

@Suite struct TLSPeerVerificationTests {
    static let now: Int64 = 1_800_000_000
    static let anyone = TLSPeerVerification(localPeer: nil, expectedPeer: nil)

    @Test(arguments: [
        (CertificateVectors.ed25519, CertificateVectors.ed25519PeerID, KeyType.ed25519),
        (CertificateVectors.ecdsa, CertificateVectors.ecdsaPeerID, .ecdsa),
        (CertificateVectors.secp256k1, CertificateVectors.secp256k1PeerID, .secp256k1),
    ])
    func certificatesOfTheSpecificationProveTheirPeer(certificate: [UInt8], peerID: String, type: KeyType) throws {
        let identity = try Self.anyone.verify([certificate], now: Self.now)

        #expect(identity.peerID.description == peerID)
        #expect(identity.publicKey.type == type)
    }

    @Test func theSpecificationsInvalidCertificateIsRefused() {
        #expect(throws: SecurityError.handshakeFailed("host key has not signed the key of the certificate")) {
            try Self.anyone.verify([CertificateVectors.invalid], now: Self.now)
        }
    }

    @Test(arguments: KeyType.allCases)
    func ownCertificatesVerify(type: KeyType) throws {
        let hostKey = try PrivateKey.generate(type)
        let (certificate, _) = try TLSCertificate.encoded(hostKey: hostKey, now: Self.now)

        #expect(try Self.anyone.verify([certificate], now: Self.now).publicKey == hostKey.publicKey)
        #expect(try Self.anyone.verify([certificate], now: Self.now - 3600).peerID == hostKey.peerID)
        #expect(throws: SecurityError.handshakeFailed("certificate is not valid yet")) {
            try Self.anyone.verify([certificate], now: Self.now - 3601)
        }
        let end = Self.now + TLSCertificate.validitySeconds
        #expect(try Self.anyone.verify([certificate], now: end - 1).peerID == hostKey.peerID)
        #expect(throws: SecurityError.handshakeFailed("certificate has expired")) {
            try Self.anyone.verify([certificate], now: end + 1)
        }
    }

    @Test func anotherPeerAndOurselvesAreRefused() throws {
        let hostKey = try PrivateKey.generate(.ed25519)
        let expected = try PrivateKey.generate(.ed25519).peerID
        let (certificate, _) = try TLSCertificate.encoded(hostKey: hostKey, now: Self.now)

        #expect(throws: SecurityError.peerIDMismatch(expected: expected, actual: hostKey.peerID)) {
            try TLSPeerVerification(localPeer: nil, expectedPeer: expected).verify([certificate], now: Self.now)
        }
        #expect(throws: SecurityError.selfDial) {
            try TLSPeerVerification(localPeer: hostKey.peerID, expectedPeer: nil).verify([certificate], now: Self.now)
        }
    }

    @Test func chainsOfNoneOrTwoAreRefused() {
        let certificate = CertificateVectors.ed25519
        #expect(throws: SecurityError.self) { try Self.anyone.verify([], now: Self.now) }
        #expect(throws: SecurityError.self) { try Self.anyone.verify([certificate, certificate], now: Self.now) }
    }

    @Test func noBitOfACertificateCanBeAltered() {
        let certificate = CertificateVectors.ed25519
        for position in certificate.indices {
            var altered = certificate
            altered[position] ^= UInt8(1 << (position % 8))
            #expect(throws: SecurityError.self, "byte \(position)") {
                try Self.anyone.verify([altered], now: Self.now)
            }
        }
        #expect(throws: SecurityError.self) { try Self.anyone.verify([certificate + [0]], now: Self.now) }
        #expect(throws: SecurityError.self) { try Self.anyone.verify([certificate.dropLast()], now: Self.now) }
        #expect(throws: SecurityError.handshakeFailed("certificate is too long")) {
            try Self.anyone.verify([[UInt8](repeating: 0x30, count: 16_385)], now: Self.now)
        }
    }

    @Test func mutatedCertificatesNeverTrap() {
        let seed: UInt64 = 0x5EED_0003
        print("seed \(seed)")
        var state = seed
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        let seeds = [CertificateVectors.ed25519, CertificateVectors.ecdsa, CertificateVectors.secp256k1]
        for _ in 0..<2000 {
            var bytes = seeds[next(3)]
            for _ in 0...next(4) {
                switch next(5) {
                case 0: bytes.insert(UInt8(next(256)), at: next(bytes.count + 1))
                case 1 where !bytes.isEmpty: bytes.remove(at: next(bytes.count))
                case 2: bytes.removeSubrange((bytes.count - next(bytes.count / 2 + 1))...)
                default: if !bytes.isEmpty { bytes[next(bytes.count)] = UInt8(next(256)) }
                }
            }
            _ = try? Self.anyone.verify([bytes], now: Self.now)
        }
    }

    @Test func unknownExtensionsAreRefusedOnlyWhenCritical() throws {
        let harmless = try BadCertificate.make {
            BadCertificate.add("1.2.3.4.5", critical: false, [0x05, 0x00], to: $0)
        }
        let critical = try BadCertificate.make {
            BadCertificate.add("1.2.3.4.5", critical: true, [0x05, 0x00], to: $0)
        }
        let usage = try BadCertificate.make {
            BadCertificate.add("2.5.29.15", critical: true, [0x03, 0x02, 0x07, 0x80], to: $0)
        }

        #expect(throws: Never.self) { try Self.anyone.verify([harmless], now: Self.now) }
        #expect(throws: Never.self) { try Self.anyone.verify([usage], now: Self.now) }
        #expect(throws: SecurityError.handshakeFailed("certificate has an unknown critical extension")) {
            try Self.anyone.verify([critical], now: Self.now)
        }
    }

    @Test func theLibP2PExtensionMayBeCriticalButNotMissingDoubleOrMalformed() throws {
        let none = try BadCertificate.make { BadCertificate.removeExtensions(of: $0) }
        let double = try BadCertificate.make {
            BadCertificate.add(LibP2PExtension.objectIdentifier, critical: false, [0x30, 0x00], to: $0)
        }
        let malformed = try [[], [0x30, 0x00], [0x30, 0x02, 0x04, 0x00], [0x30, 0x05, 0x04, 0x00, 0x04, 0x00, 0x00]]
            .map { (value: [UInt8]) in try BadCertificate.make { BadCertificate.replaceExtension(of: $0, with: value) }
            }
        let critical = try BadCertificate.make { BadCertificate.markCritical($0) }

        #expect(throws: Never.self) { try Self.anyone.verify([critical], now: Self.now) }
        #expect(throws: SecurityError.handshakeFailed("certificate lacks the libp2p extension")) {
            try Self.anyone.verify([none], now: Self.now)
        }
        #expect(throws: SecurityError.handshakeFailed("certificate has two libp2p extensions")) {
            try Self.anyone.verify([double], now: Self.now)
        }
        for certificate in malformed {
            #expect(throws: SecurityError.handshakeFailed("libp2p extension is malformed")) {
                try Self.anyone.verify([certificate], now: Self.now)
            }
        }
    }

    @Test func hostKeysOfAnyoneElseAndOfHugeSizeAreRefused() throws {
        let stranger = try PrivateKey.generate(.ed25519)
        let borrowed = LibP2PExtension.encode(
            publicKey: stranger.publicKey.protobuf,
            signature: [UInt8](repeating: 1, count: 64)
        )
        let huge = LibP2PExtension.encode(
            publicKey: BadCertificate.hugeRSAKey,
            signature: [UInt8](repeating: 1, count: 2048)
        )
        let forged = try BadCertificate.make { BadCertificate.replaceExtension(of: $0, with: borrowed ?? []) }
        let heavy = try BadCertificate.make { BadCertificate.replaceExtension(of: $0, with: huge ?? []) }

        #expect(throws: SecurityError.handshakeFailed("host key has not signed the key of the certificate")) {
            try Self.anyone.verify([forged], now: Self.now)
        }
        #expect(throws: SecurityError.handshakeFailed("host key in the certificate: rsaKeyTooLarge(bits: 16384)")) {
            try Self.anyone.verify([heavy], now: Self.now)
        }
    }

    @Test func certificatesForWeakKeysAreRefused() throws {
        let certificate = try BadCertificate.make(rsaBits: 1024)
        let strong = try BadCertificate.make(rsaBits: 2048)

        #expect(throws: SecurityError.handshakeFailed("RSA key of the certificate has 1024 bits")) {
            try Self.anyone.verify([certificate], now: Self.now)
        }
        #expect(throws: Never.self) { try Self.anyone.verify([strong], now: Self.now) }
    }

    @Test func certificatesSignedByAnotherKeyAreRefused() throws {
        let other = try #require(TLSCertificate.freshKey())
        defer { EVP_PKEY_free(other) }
        // The certificate says it is for `other`, and so does the host key, but it is signed by a fresh key.
        let hostKey = try PrivateKey.generate(.ed25519)
        let info = try #require(DER.encode { i2d_PUBKEY(other, $0) })
        let value = LibP2PExtension.encode(
            publicKey: hostKey.publicKey.protobuf,
            signature: try hostKey.sign(LibP2PExtension.signedBytes(info))
        )
        let certificate = try BadCertificate.make {
            X509_set_pubkey($0, other)
            BadCertificate.replaceExtension(of: $0, with: value ?? [])
        }

        #expect(throws: SecurityError.handshakeFailed("certificate is not signed by its own key")) {
            try Self.anyone.verify([certificate], now: Self.now)
        }
    }
}
