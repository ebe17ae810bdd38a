/// The TXT records in a DNS message. RFC 1035 §4.
enum TXTAnswer {
    /// The most records that are read.
    static let maximumRecords = 256

    /// The strings of each TXT record of class IN, joined; records that are not UTF-8 are left out.
    ///
    /// - Throws: `.failed` for a message that ends early or has lengths that cannot be.
    static func parse(_ message: [UInt8]) throws(NameLookupError) -> [String] {
        var reader = Reader(bytes: message[...])
        // Identification and flags are the resolver's business.
        try reader.skip(4)
        let questions = try reader.uint16()
        let answers = try reader.uint16()
        // Authority and additional sections follow the answers; they are not read.
        try reader.skip(4)
        for _ in 0..<questions {
            try reader.skipName()
            try reader.skip(4)
        }
        var records: [String] = []
        for _ in 0..<answers {
            guard records.count < TXTAnswer.maximumRecords else {
                break
            }
            try reader.skipName()
            let type = try reader.uint16()
            let recordClass = try reader.uint16()
            try reader.skip(4)
            let data = try reader.take(Int(try reader.uint16()))
            guard type == 16, recordClass == 1 else {
                continue
            }
            if let text = String(validating: try TXTAnswer.joined(data), as: UTF8.self) {
                records.append(text)
            }
        }
        return records
    }

    /// (length ‖ characters)*, without the lengths.
    private static func joined(_ data: ArraySlice<UInt8>) throws(NameLookupError) -> [UInt8] {
        var reader = Reader(bytes: data)
        var text: [UInt8] = []
        while !reader.bytes.isEmpty {
            text.append(contentsOf: try reader.take(Int(try reader.uint8())))
        }
        return text
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func take(_ count: Int) throws(NameLookupError) -> ArraySlice<UInt8> {
            guard count <= self.bytes.count else {
                throw .failed("malformed DNS answer")
            }
            let taken = self.bytes.prefix(count)
            self.bytes = self.bytes.dropFirst(count)
            return taken
        }

        mutating func skip(_ count: Int) throws(NameLookupError) {
            _ = try self.take(count)
        }

        mutating func uint8() throws(NameLookupError) -> UInt8 {
            try self.take(1).reduce(0) { $0 | $1 }
        }

        mutating func uint16() throws(NameLookupError) -> UInt16 {
            try self.take(2).reduce(0) { $0 << 8 | UInt16($1) }
        }

        /// Labels up to the root or up to a pointer, which is never followed.
        mutating func skipName() throws(NameLookupError) {
            while true {
                let length = try self.uint8()
                switch length {
                case 0:
                    return
                case 0xc0...0xff:
                    return try self.skip(1)
                case 1...63:
                    try self.skip(Int(length))
                default:
                    throw .failed("malformed DNS answer")
                }
            }
        }
    }
}
