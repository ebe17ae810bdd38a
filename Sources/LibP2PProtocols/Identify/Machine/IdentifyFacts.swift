import LibP2PCore
import Multiformats

/// What a peer's identify is good for, judged by what the connection has proven.
struct IdentifyFacts {
    /// Nil: not said.
    var protocolVersion: String?
    /// Nil: not said.
    var agentVersion: String?
    /// Nil: not said.
    var protocols: [ProtocolID]?
    /// Nil: not said. Only such as the peer may tell us of.
    var addresses: [Multiaddr]?
    /// Verified, of the peer itself.
    var signedRecord: SignedRecord?
    /// Where the peer sees us.
    var observedAddress: Multiaddr?

    enum OnMessage {
        /// Remember it.
        case accept(IdentifyFacts)
        /// Believe nothing of it.
        case reject(IdentifyViolation)
    }

    /// Judges a message of the peer at the other end of a connection.
    ///
    /// A signed record counts only when the connected peer signed it (RUSTSEC-2022-0009, CVE-2023-40583); one that does not
    /// hold is passed over for the plain addresses.
    static func judge(
        _ message: IdentifyMessage,
        peer: PeerID,
        publicKey: PublicKey,
        remoteAddress: Multiaddr
    ) -> OnMessage {
        if let claimed = message.publicKey, claimed != publicKey.protobuf {
            // Another encoding of the same key is fine. `try?`: what cannot be read is not the key either.
            guard claimed.count <= IdentifyLimits.messageBytes, (try? PublicKey(protobuf: claimed)) == publicKey else {
                return .reject(.keyMismatch)
            }
        }
        var facts = IdentifyFacts()
        facts.protocolVersion = message.protocolVersion.map(Self.printable)
        facts.agentVersion = message.agentVersion.map(Self.printable)
        if !message.protocols.isEmpty {
            facts.protocols = Self.protocols(message.protocols)
        }
        // `try?`: an address we cannot read helps nobody.
        facts.observedAddress = message.observedAddress.flatMap { try? Multiaddr(bytes: $0) }

        let addresses: [Multiaddr]
        // `try?`: see above, a record that does not hold counts for nothing.
        if let envelope = message.signedPeerRecord, let record = try? PeerRecord(envelope: envelope),
            record.peerID == peer
        {
            facts.signedRecord = SignedRecord(sequence: record.sequence, envelope: envelope)
            addresses = record.addresses
        } else if !message.listenAddresses.isEmpty {
            addresses = message.listenAddresses.compactMap { try? Multiaddr(bytes: $0) }
        } else {
            return .accept(facts)
        }
        facts.addresses = Self.credible(addresses, of: peer, seenAt: remoteAddress)
        return .accept(facts)
    }

    /// The addresses that a peer may tell us of, given where we see it, without `/p2p/…`, each once.
    static func credible(_ addresses: [Multiaddr], of peer: PeerID, seenAt remoteAddress: Multiaddr) -> [Multiaddr] {
        var known: Set<Multiaddr> = []
        var credible: [Multiaddr] = []
        for address in addresses where credible.count < IdentifyLimits.addresses {
            if let named = address.peerID, named != peer { continue }
            let plain = address.withoutPeerID
            guard AddressPolicy.mayUse(plain, learntOver: remoteAddress), known.insert(plain).inserted else { continue }
            credible.append(plain)
        }
        return credible
    }

    /// Names that can stand on the wire, each once.
    private static func protocols(_ names: [String]) -> [ProtocolID] {
        var known: Set<String> = []
        return names.compactMap { name in
            guard !name.isEmpty, name.utf8.count <= 1022, !name.utf8.contains(0x0a), known.insert(name).inserted else {
                return nil
            }
            return ProtocolID(name)
        }
    }

    /// The peer's words as they can be shown in a log or a terminal.
    private static func printable(_ text: String) -> String {
        var kept = String.UnicodeScalarView()
        var bytes = 0
        for scalar in text.unicodeScalars {
            bytes += UTF8.width(scalar)
            guard bytes <= IdentifyLimits.versionBytes else { break }
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
                kept.append("?")
            default:
                kept.append(scalar)
            }
        }
        return String(kept)
    }
}
