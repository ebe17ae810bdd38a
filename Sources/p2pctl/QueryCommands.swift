import LibP2PCore
import Multiformats
import P2PControl

/// `p2pctl id`
enum IDCommand {
    static func run(_ options: inout Options) throws(CommandError) -> Int32 {
        try options.end()
        let client = try options.client()
        let host: ControlClient.ConnectedPeer
        do {
            host = try client.identify()
        } catch {
            throw .daemon(error)
        }
        if options.wantsJSON {
            print(
                JSON.object([
                    ("schema", "1"), ("id", JSON.string(host.peer.description)),
                    ("addrs", JSON.array(host.addresses.map { JSON.string($0.description) })),
                ])
            )
        } else {
            print("Peer ID: \(host.peer)")
            print(host.addresses.isEmpty ? "No addresses: nobody can connect to this host." : "Addresses:")
            for address in host.addresses {
                print("  \(address.withPeerID(host.peer))")
            }
        }
        return 0
    }
}

/// `p2pctl peers`
enum PeersCommand {
    static func run(_ options: inout Options) throws(CommandError) -> Int32 {
        try options.end()
        let client = try options.client()
        let peers: [ControlClient.ConnectedPeer]
        do {
            peers = try client.peers()
        } catch {
            throw .daemon(error)
        }
        if options.wantsJSON {
            let entries = peers.map { peer in
                JSON.object([
                    ("peer", JSON.string(peer.peer.description)),
                    ("addrs", JSON.array(peer.addresses.map { JSON.string($0.description) })),
                ])
            }
            print(JSON.object([("schema", "1"), ("peers", JSON.array(entries))]))
        } else {
            for peer in peers {
                print("\(peer.peer)  \(peer.addresses.map(\.description).joined(separator: " "))")
            }
        }
        return 0
    }
}

/// `p2pctl version`
enum VersionCommand {
    static func run(_ options: inout Options) throws(CommandError) -> Int32 {
        try options.end()
        let client = try options.client()
        let version: String?
        do {
            version = try client.version()
        } catch {
            throw .daemon(error)
        }
        if options.wantsJSON {
            print(JSON.object([("schema", "1"), ("version", version.map(JSON.string) ?? "null")]))
        } else {
            print(version.map { "p2pd \($0)" } ?? "a daemon that does not tell its version")
        }
        return 0
    }
}

/// `p2pctl connect`
enum ConnectCommand {
    static func run(_ options: inout Options) throws(CommandError) -> Int32 {
        // Addresses of one peer are one dial; the order is that of the first mention.
        var targets: [(peer: PeerID, addresses: [Multiaddr])] = []
        for text in try options.takeOperands("ADDRESS") {
            let (peer, address) = try Options.peer(text)
            if let index = targets.firstIndex(where: { $0.peer == peer }) {
                targets[index].addresses += address.map { [$0] } ?? []
            } else {
                targets.append((peer, address.map { [$0] } ?? []))
            }
        }
        try options.end()
        let client = try options.client()
        for (peer, addresses) in targets {
            do {
                try client.connect(to: peer, addresses: addresses, timeoutSeconds: options.timeoutSeconds)
            } catch {
                throw .daemon(error)
            }
        }
        return 0
    }
}

/// `p2pctl disconnect`
enum DisconnectCommand {
    static func run(_ options: inout Options) throws(CommandError) -> Int32 {
        var peers: [PeerID] = []
        for text in try options.takeOperands("PEER") {
            peers.append(try Options.peer(text).peer)
        }
        try options.end()
        let client = try options.client()
        for peer in peers {
            do {
                try client.disconnect(peer)
            } catch {
                throw .daemon(error)
            }
        }
        return 0
    }
}

/// As much JSON as is printed here.
enum JSON {
    static func object(_ members: [(name: String, value: String)]) -> String {
        "{" + members.map { "\(self.string($0.name)):\($0.value)" }.joined(separator: ",") + "}"
    }

    static func array(_ elements: [String]) -> String {
        "[" + elements.joined(separator: ",") + "]"
    }

    static func string(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20:
                let hex = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
