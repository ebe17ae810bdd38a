public import LibP2PCore
public import NIOCore

/// The side of multistream-select that is proposed to. Pure.
///
/// Says its header when it has the peer's, in one flight with the answers to the proposals that came with it. Answers `ls` with
/// `na`: the list would be long, identify says it better, and nothing depends on it.
public struct MultistreamListener {
    private enum State {
        /// The peer's header has not come yet.
        case awaitingHeader
        /// Header exchanged; how many proposals were refused.
        case awaitingProposal(refused: Int)
        /// Selected or failed.
        case done
    }

    /// Proposals (and `ls`) a peer may make in vain.
    public static let maximumRefusals = 128

    private var state = State.awaitingHeader
    private var input = ByteBuffer()

    public init() {}

    public enum OnReceive {
        /// Wait for more bytes.
        case awaitMore
        /// Send these bytes, then wait.
        case send(ByteBuffer)
        /// Done: send these bytes; `leftover` are the first bytes of the protocol.
        case selected(ProtocolID, send: ByteBuffer, leftover: ByteBuffer)
        /// Give up and end the channel or stream.
        case fail(MultistreamError)
    }

    /// Takes bytes of the peer. Not after `.selected` or `.fail`: answers `.awaitMore` and ignores the bytes then.
    public mutating func receive(_ data: ByteBuffer, isSupported: (ProtocolID) -> Bool) -> OnReceive {
        self.input.appendOrReplace(data)
        var answer = ByteBuffer()
        do throws(MultistreamError) {
            while let message = try self.nextMessage() {
                if let selected = try self.receive(message, answer: &answer, isSupported: isSupported) {
                    self.state = .done
                    let leftover = self.input
                    self.input = ByteBuffer()
                    return .selected(selected, send: answer, leftover: leftover)
                }
            }
            return answer.readableBytes == 0 ? .awaitMore : .send(answer)
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

    private mutating func receive(
        _ message: MultistreamMessage,
        answer: inout ByteBuffer,
        isSupported: (ProtocolID) -> Bool
    ) throws(MultistreamError) -> ProtocolID? {
        switch (self.state, message) {
        case (.awaitingHeader, .header):
            self.state = .awaitingProposal(refused: 0)
            try MultistreamMessage.header.write(to: &answer)
            return nil
        case (.awaitingHeader, .list), (.awaitingHeader, .name), (.awaitingHeader, .notAvailable):
            throw .unexpectedHeader
        case (.awaitingProposal(let refused), .name(let name)):
            // A name that could not be sent back is one that nothing of ours has.
            if name.rawValue.utf8.count <= MultistreamMessage.maximumNameBytes, isSupported(name) {
                try message.write(to: &answer)
                return name
            }
            try self.refuse(after: refused, answer: &answer)
            return nil
        case (.awaitingProposal(let refused), .header), (.awaitingProposal(let refused), .list),
            (.awaitingProposal(let refused), .notAvailable):
            try self.refuse(after: refused, answer: &answer)
            return nil
        case (.done, _):
            return nil
        }
    }

    private mutating func refuse(after refused: Int, answer: inout ByteBuffer) throws(MultistreamError) {
        guard refused < Self.maximumRefusals else { throw .tooManyProposals }
        self.state = .awaitingProposal(refused: refused + 1)
        try MultistreamMessage.notAvailable.write(to: &answer)
    }
}
