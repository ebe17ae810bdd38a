public import LibP2PCore
public import NIOCore

/// The side of multistream-select that proposes. Pure.
///
/// Header and first proposal leave in one flight. A caller with a single proposal may count on it being accepted and
/// let its own data follow at once; the answer is checked when it comes.
public struct MultistreamDialer {
    private enum State {
        /// The peer's header has not come yet.
        case awaitingHeader
        /// A proposal is out.
        case awaitingAnswer
        /// Selected or failed.
        case done
    }

    private var state = State.awaitingHeader
    private let protocols: [ProtocolID]
    private var proposals: ArraySlice<ProtocolID>
    private var proposed: ProtocolID
    private var input = ByteBuffer()

    /// Header and first proposal, to be sent first of all.
    public let opening: ByteBuffer

    /// - Parameter protocols: what to propose, best first.
    /// - Throws: `.noProtocols`; `.nameNotEncodable` if any of them is.
    public init(protocols: [ProtocolID]) throws(MultistreamError) {
        guard let first = protocols.first else { throw .noProtocols }
        var unused = ByteBuffer()
        for name in protocols.dropFirst() {
            try MultistreamMessage.name(name).write(to: &unused)
        }
        self.protocols = protocols
        self.proposals = protocols.dropFirst()
        self.proposed = first
        var opening = ByteBuffer()
        try MultistreamMessage.header.write(to: &opening)
        try MultistreamMessage.name(first).write(to: &opening)
        self.opening = opening
    }

    public enum OnReceive {
        /// Wait for more bytes.
        case awaitMore
        /// Send these bytes, then wait.
        case send(ByteBuffer)
        /// Done; `leftover` are the first bytes of the protocol.
        case selected(ProtocolID, leftover: ByteBuffer)
        /// Give up and end the channel or stream.
        case fail(MultistreamError)
    }

    /// Takes bytes of the peer. Not after `.selected` or `.fail`: answers `.awaitMore` and ignores the bytes then.
    public mutating func receive(_ data: ByteBuffer) -> OnReceive {
        self.input.appendOrReplace(data)
        do throws(MultistreamError) {
            while let message = try self.nextMessage() {
                if let result = try self.receive(message) { return result }
            }
            return .awaitMore
        } catch {
            self.state = .done
            self.input = ByteBuffer()
            return .fail(error)
        }
    }

    private mutating func nextMessage() throws(MultistreamError) -> MultistreamMessage? {
        if case .done = self.state { return nil }
        return try MultistreamMessage.read(from: &self.input)
    }

    private mutating func receive(_ message: MultistreamMessage) throws(MultistreamError) -> OnReceive? {
        switch (self.state, message) {
        case (.awaitingHeader, .header):
            self.state = .awaitingAnswer
            return nil
        case (.awaitingHeader, _):
            throw .unexpectedHeader
        case (.awaitingAnswer, .name(self.proposed)):
            self.state = .done
            let leftover = self.input
            self.input = ByteBuffer()
            return .selected(self.proposed, leftover: leftover)
        case (.awaitingAnswer, .notAvailable):
            guard let next = self.proposals.popFirst() else { throw .notSupported(self.protocols) }
            // One answer per proposal: bytes behind this answer can only belong to something never asked for.
            guard self.input.readableBytes == 0 else { throw .unexpectedAnswer }
            self.proposed = next
            var proposal = ByteBuffer()
            try MultistreamMessage.name(next).write(to: &proposal)
            return .send(proposal)
        case (.awaitingAnswer, .header), (.awaitingAnswer, .list), (.awaitingAnswer, .name):
            throw .unexpectedAnswer
        case (.done, _):
            return nil
        }
    }
}
