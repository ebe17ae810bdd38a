/// Reading the text form of values.
extension MultiaddrTranscoder {
    static func parseIP4(_ text: Substring) throws(ValueError) -> [UInt8] {
        guard case .v4(let address) = IPAddress(text) else {
            throw ValueError("failed to parse ip4 addr: \(text)")
        }
        return bigEndian(address)
    }

    static func parseIP6(_ text: Substring) throws(ValueError) -> [UInt8] {
        guard let address = IPAddress(text), case .v6 = address else {
            throw ValueError("failed to parse ip6 addr: \(text)")
        }
        return address.bytes
    }

    static func parsePort(_ text: Substring) throws(ValueError) -> [UInt8] {
        do {
            return bigEndian(UInt16(try MultiaddrTranscoder.parseNumber(text, upTo: 0xffff)))
        } catch {
            throw ValueError("failed to parse port addr: \(error.reason)")
        }
    }

    /// Digits only: no sign, no blank.
    static func parseNumber(_ text: Substring, upTo maximum: UInt64) throws(ValueError) -> UInt64 {
        var number: UInt64 = 0
        var isInRange = true
        for character in text.utf8 {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(character) else {
                throw ValueError("strconv.ParseUint: parsing \(quoted(text)): invalid syntax")
            }
            let (tens, overflowTens) = number.multipliedReportingOverflow(by: 10)
            let (sum, overflowSum) = tens.addingReportingOverflow(UInt64(character - UInt8(ascii: "0")))
            isInRange = isInRange && !overflowTens && !overflowSum
            number = sum
        }
        guard !text.isEmpty else {
            throw ValueError("strconv.ParseUint: parsing \(quoted(text)): invalid syntax")
        }
        guard isInRange, number <= maximum else {
            throw ValueError("strconv.ParseUint: parsing \(quoted(text)): value out of range")
        }
        return number
    }

    static func parsePeerID(_ text: Substring) throws(ValueError) -> [UInt8] {
        do {
            return try PeerID(String(text)).bytes
        } catch {
            switch error {
            case .cid(let reason):
                throw ValueError("failed to parse p2p addr: \(text) \(reason)")
            case .codec(let codec):
                throw ValueError("failed to parse p2p addr: \(text) has the invalid codec \(codec.rawValue)")
            case .multihash(let reason):
                throw ValueError("failed to parse p2p addr: \(text) \(reason)")
            case .digestLength, .hashFunction, .tooLong:
                throw ValueError(error.description)
            }
        }
    }

    static func parseOnion(_ text: Substring, hostBytes: Int) throws(ValueError) -> [UInt8] {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw ValueError("failed to parse onion addr: \(text) does not contain a port number")
        }
        guard let host = try? Multibase.base32.decodeWithoutPrefix(parts[0]) else {
            throw ValueError("failed to decode base32 onion addr: \(text)")
        }
        guard host.count == hostBytes else {
            throw ValueError("failed to parse onion addr: \(text) not a Tor onion address")
        }
        let port: UInt64
        do {
            port = try MultiaddrTranscoder.parseNumber(parts[1], upTo: 0xffff)
        } catch {
            throw ValueError("failed to parse onion addr: \(error.reason)")
        }
        guard port > 0 else {
            throw "failed to parse onion addr: non-zero port"
        }
        return host + bigEndian(UInt16(port))
    }

    static func parseGarlic64(_ text: Substring) throws(ValueError) -> [UInt8] {
        do {
            return try BitGroupCodec.base64Garlic.padded.decode(Array(text.utf8), ignoringUnusedBits: true)
        } catch {
            throw ValueError("failed to decode base64 i2p addr: \(text) \(error)")
        }
    }

    static func parseGarlic32(_ text: Substring) throws(ValueError) -> [UInt8] {
        do {
            return try BitGroupCodec.base32.decode(Array(text.utf8), ignoringUnusedBits: true)
        } catch {
            throw ValueError("failed to decode base32 garlic addr: \(text), err: \(error) len: \(text.utf8.count)")
        }
    }

    static func parseMultibase(_ text: Substring) throws(ValueError) -> [UInt8] {
        do {
            return try Multibase.decode(text).bytes
        } catch {
            throw ValueError(error.description)
        }
    }

    /// Undoes `escape`: `%41` and `+` for a blank, as in the query of a URL.
    static func unescape(_ text: Substring) throws(ValueError) -> [UInt8] {
        var value: [UInt8] = []
        var rest = text.utf8[...]
        while let character = rest.popFirst() {
            switch character {
            case UInt8(ascii: "+"):
                value.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard rest.count >= 2, let byte = try? BitGroupCodec.base16.decode(Array(rest.prefix(2))) else {
                    throw ValueError("invalid URL escape \(quoted("%" + (Substring(rest.prefix(2)))))")
                }
                value.append(contentsOf: byte)
                rest = rest.dropFirst(2)
            default:
                value.append(character)
            }
        }
        return value
    }

    /// Escapes what is not a letter, a digit or one of `-_.~`; a blank becomes `+`.
    static func escape(_ value: ArraySlice<UInt8>) -> String {
        var text: [UInt8] = []
        for byte in value {
            switch byte {
            case 0x30...0x39, 0x41...0x5a, 0x61...0x7a, 0x2d, 0x2e, 0x5f, 0x7e:
                text.append(byte)
            case UInt8(ascii: " "):
                text.append(UInt8(ascii: "+"))
            default:
                text.append(UInt8(ascii: "%"))
                text.append(contentsOf: BitGroupCodec.base16Upper.encode(CollectionOfOne(byte)))
            }
        }
        return String(decoding: text, as: UTF8.self)
    }
}

/// The bytes of a number, most significant first.
func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
    stride(from: type(of: number).bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> $0) }
}

/// Text in quotation marks, escaped and cut to a length a message can carry.
func quoted(_ text: some StringProtocol) -> String {
    let maximumCharacters = 256
    var result = "\""
    for scalar in text.unicodeScalars.prefix(maximumCharacters) {
        switch scalar {
        case "\"": result += "\\\""
        case "\\": result += "\\\\"
        case "\n": result += "\\n"
        case "\r": result += "\\r"
        case "\t": result += "\\t"
        case _ where scalar.value < 0x20 || scalar.value == 0x7f:
            result += "\\x" + Multibase.base16.encodeWithoutPrefix([UInt8(scalar.value)])
        default: result.unicodeScalars.append(scalar)
        }
    }
    if text.unicodeScalars.dropFirst(maximumCharacters).first != nil {
        result += "…"
    }
    return result + "\""
}
