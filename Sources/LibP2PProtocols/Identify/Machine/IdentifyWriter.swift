import Multiformats

/// Puts what we say of ourselves into messages that receivers take.
enum IdentifyWriter {
    /// The messages of one exchange, each with its length in front.
    ///
    /// Everything goes into one message when that is small. Else the signed record goes last and alone, because old receivers take
    /// 2 KiB only and some read the first message only; protocols that do not fit go in between.
    static func encode(_ message: IdentifyMessage) -> [UInt8] {
        var message = message
        message.listenAddresses = Self.addresses(message.listenAddresses, within: IdentifyLimits.ownAddressBytes)
        let whole = message.protobuf
        if whole.count <= IdentifyLimits.wholeMessageBytes {
            return Varint.encode(UInt64(whole.count)) + whole
        }

        var messages: [IdentifyMessage] = []
        var current = message
        current.signedPeerRecord = nil
        current.protocols = []
        var size = current.protobuf.count
        for name in message.protocols.prefix(IdentifyLimits.protocols) {
            // Tag and length take 4 bytes at most: a name is shorter than 2^14 bytes.
            let cost = name.utf8.count + 4
            guard cost <= IdentifyLimits.ownMessageBytes else { continue }
            if size + cost > IdentifyLimits.ownMessageBytes {
                guard messages.count < IdentifyLimits.messages - 2 else { break }
                messages.append(current)
                current = IdentifyMessage()
                size = 0
            }
            current.protocols.append(name)
            size += cost
        }
        messages.append(current)
        if let record = message.signedPeerRecord, record.count <= IdentifyLimits.messageBytes - 8 {
            messages.append(IdentifyMessage(signedPeerRecord: record))
        }
        return messages.flatMap { message in
            let bytes = message.protobuf
            return Varint.encode(UInt64(bytes.count)) + bytes
        }
    }

    /// The first addresses that fit into a number of bytes.
    static func addresses(_ addresses: [[UInt8]], within limit: Int) -> [[UInt8]] {
        var total = 0
        return addresses.prefix { address in
            total += address.count + 4
            return total <= limit
        }
    }
}
