extension Multiaddr {
    /// The binary form of a text form.
    static func parse(_ text: String) throws(MultiaddrError) -> [UInt8] {
        guard text.utf8.count <= Multiaddr.maximumTextLength else {
            throw .tooLong
        }
        let utf8 = Substring(text).utf8
        // Slashes at the end mean nothing.
        let lastKept = utf8.lastIndex { $0 != UInt8(ascii: "/") }
        let trimmed = lastKept.map { Substring(utf8[...$0]) } ?? ""
        guard trimmed.isEmpty || trimmed.utf8.first == UInt8(ascii: "/") else {
            throw .text(String(trimmed), reason: "must begin with /")
        }
        guard !trimmed.isEmpty else {
            throw .text("", reason: "empty multiaddr")
        }
        var bytes: [UInt8] = []
        var count = 0
        var rest = trimmed
        while !rest.isEmpty {
            guard count < Multiaddr.maximumComponents else {
                throw .tooManyComponents
            }
            do {
                try Multiaddr.parseComponent(&rest).write(to: &bytes)
            } catch {
                throw .text(String(trimmed), reason: error.reason)
            }
            count += 1
        }
        guard bytes.count <= Multiaddr.maximumLength else {
            throw .tooLong
        }
        return bytes
    }

    /// Takes `/name` and, where the protocol has one, `/value` off the front.
    private static func parseComponent(
        _ text: inout Substring
    ) throws(MultiaddrTranscoder.ValueError) -> Component {
        let name = Multiaddr.takeElement(&text)
        guard let proto = MultiaddrProtocol(name: name) else {
            throw MultiaddrTranscoder.ValueError("unknown protocol \(Multiaddr.shortened(name))")
        }
        guard proto.definition.size != .fixed(0) else {
            return Component(checked: proto, value: [])
        }
        guard !text.isEmpty else {
            throw "unexpected end of multiaddr"
        }
        let valueText: Substring
        if proto.isPath {
            // A path takes the rest, its leading slash included: `/unix//tmp/x` is the path `//tmp/x`.
            valueText = text
            text = ""
        } else {
            valueText = Multiaddr.takeElement(&text)
        }
        do {
            return Component(checked: proto, value: try proto.definition.transcoder.parse(valueText))
        } catch {
            throw MultiaddrTranscoder.ValueError(
                "invalid value \(quoted(valueText)) for protocol \(proto.name): \(error.reason)"
            )
        }
    }

    /// Takes a slash and what is before the next slash off the front.
    private static func takeElement(_ text: inout Substring) -> Substring {
        let body = text.utf8.dropFirst()
        let end = body.firstIndex(of: UInt8(ascii: "/")) ?? body.endIndex
        let element = Substring(body[..<end])
        text = Substring(body[end...])
        return element
    }

    /// Text that is quoted without marks, cut to a length a message can carry.
    private static func shortened(_ text: Substring) -> String {
        String(quoted(text).dropFirst().dropLast())
    }
}
