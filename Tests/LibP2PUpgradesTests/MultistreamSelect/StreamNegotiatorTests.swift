import LibP2PCore
import Multiformats
import NIOCore
import NIOEmbedded
import Testing

@testable import LibP2PUpgrades

@Suite struct StreamNegotiatorTests {
    static let header = MultistreamMachineTests.header
    static let confirmation = header + "\u{03}/a\n"

    private let pair: YamuxPair
    private let negotiator = StreamNegotiator()

    init() throws {
        self.pair = try YamuxPair()
        self.pair.listener.recorder.setsDelegates = false
    }

    /// Negotiates what the listener accepts.
    private func serve(_ supported: Set<ProtocolID>) -> ResultBox<ProtocolID> {
        let box = ResultBox<ProtocolID>()
        self.pair.listener.recorder.onAccept = { [negotiator] stream in
            negotiator.inbound(stream, isSupported: { supported.contains($0) }).assumeIsolated()
                .whenComplete { box.result = $0 }
        }
        return box
    }

    private func lazyStream() throws -> Stream {
        let muxed = try self.pair.dialer.connection.openStream()
        let connection = IdleConnection(loop: self.pair.loop)
        let stream = Stream(protocolID: "/a", connection: connection, muxed: muxed, isNegotiating: true)
        self.negotiator.outboundLazy(stream)
        return stream
    }

    private func accepted() throws -> any MuxedStream {
        try #require(self.pair.listener.recorder.accepted.first)
    }

    @Test func bothSidesAgreeOnTheFirstThatIsSupported() throws {
        let served = self.serve(["/b"])
        let stream = try self.pair.dialer.connection.openStream()
        let dialled = ResultBox(self.negotiator.outbound(stream, protocols: ["/a", "/b"]))

        try self.pair.settle()

        #expect(try served.result?.get() == "/b")
        #expect(try dialled.result?.get() == "/b")
        #expect(stream.delegate == nil)
        #expect(try self.accepted().delegate == nil)
    }

    @Test func refusalOfAllResetsTheStreamAndNamesThem() throws {
        _ = self.serve([])
        let stream = try self.pair.dialer.connection.openStream()
        let dialled = ResultBox(self.negotiator.outbound(stream, protocols: ["/a", "/b"]))

        try self.pair.settle()

        #expect(throws: NetworkError.protocolsNotSupported(["/a", "/b"])) { _ = try dialled.result?.get() }
        #expect(self.pair.dialer.connection.streamCount == 0)
        #expect(self.pair.listener.connection.streamCount == 0)
    }

    @Test func noProtocolsIsAnErrorOfItsOwn() throws {
        let stream = try self.pair.dialer.connection.openStream()

        let dialled = ResultBox(self.negotiator.outbound(stream, protocols: []))

        #expect(throws: NetworkError.noProtocols) { _ = try dialled.result?.get() }
    }

    @Test func theFirstDataBehindALazyProposalReachesTheHandler() throws {
        let served = self.serve(["/a"])
        let stream = try self.lazyStream()
        let user = StreamRecorder(stream.muxed)
        stream.delegate = user
        stream.write(ByteBuffer(string: "question"))
        stream.closeWrite()

        try self.pair.settle()
        let remote = try self.accepted()
        let handler = StreamRecorder(remote)
        remote.delegate = handler
        remote.write(ByteBuffer(string: "answer"), promise: nil)
        remote.closeWrite()
        try self.pair.settle()

        #expect(try served.result?.get() == "/a")
        #expect(handler.text == "question")
        #expect(handler.remoteClosedWrite == 1)
        #expect(user.text == "answer")
        #expect(user.closed == [.finished])
        #expect(handler.closed == [.finished])
    }

    @Test func proposalAndFirstDataLeaveInOneFlight() throws {
        let stream = try self.lazyStream()
        stream.write(ByteBuffer(string: "data"))

        let frames = WireFrame.parse(try self.pair.dialer.takeOutbound())

        #expect(frames.filter { $0.type == 0 }.flatMap(\.body) == Array((Self.header + "\u{03}/a\ndata").utf8))
    }

    @Test func confirmationDataAndFINInOneReadReachTheUserInOrder() throws {
        let stream = try self.lazyStream()
        let user = StreamRecorder(stream.muxed)
        stream.delegate = user
        _ = try self.pair.dialer.takeOutbound()

        try self.pair.dialer.receive(.data(1, WireFrame.ack | WireFrame.fin, Self.confirmation + "data"))

        #expect(user.text == "data")
        #expect(user.remoteClosedWrite == 1)
    }

    @Test func whatComesBeforeTheUserHasADelegateIsHeld() throws {
        let stream = try self.lazyStream()
        _ = try self.pair.dialer.takeOutbound()
        try self.pair.dialer.receive(.data(1, WireFrame.ack, Self.confirmation + "data"), .data(1, WireFrame.fin, ""))

        let user = StreamRecorder(stream.muxed)
        stream.delegate = user

        #expect(user.text == "data")
        #expect(user.remoteClosedWrite == 1)
    }

    @Test("A confirmation may come byte by byte")
    func slowConfirmation() throws {
        let stream = try self.lazyStream()
        let user = StreamRecorder(stream.muxed)
        stream.delegate = user
        _ = try self.pair.dialer.takeOutbound()

        for byte in (Self.confirmation + "data").utf8 {
            try self.pair.dialer.receive(.data(1, 0, [byte]))
        }

        #expect(user.text == "data")
    }

    @Test(
        "A lazy proposal that fails closes the stream for the user",
        arguments: [
            "\u{03}na\n", "\u{05}/bad\n", "\u{00}", "\u{02}na",
        ]
    )
    func lazyFailure(_ answer: String) throws {
        let stream = try self.lazyStream()
        let user = StreamRecorder(stream.muxed)
        stream.delegate = user
        _ = try self.pair.dialer.takeOutbound()

        try self.pair.dialer.receive(.data(1, WireFrame.ack, Self.header + answer))

        #expect(user.text == "")
        #expect(user.closed == [.resetLocally(.protocolNegotiationFailed)])
        #expect(self.pair.dialer.connection.streamCount == 0)
    }

    @Test func aPeerThatNeverConfirmsIsCutOffAfterTenSeconds() throws {
        let stream = try self.lazyStream()
        let user = StreamRecorder(stream.muxed)
        stream.delegate = user
        try self.pair.settle()

        self.pair.loop.advanceTime(by: .milliseconds(9_999))
        #expect(user.closed.isEmpty)
        self.pair.loop.advanceTime(by: .milliseconds(1))

        #expect(user.closed == [.resetLocally(.protocolNegotiationFailed)])
    }

    @Test func aConfirmedStreamIsNotCutOff() throws {
        let stream = try self.lazyStream()
        let user = StreamRecorder(stream.muxed)
        stream.delegate = user
        _ = try self.pair.dialer.takeOutbound()
        try self.pair.dialer.receive(.data(1, WireFrame.ack, Self.confirmation))

        self.pair.loop.advanceTime(by: .seconds(11))

        #expect(user.closed.isEmpty)
    }

    @Test("A reset or FIN before the confirmation reaches the user once", arguments: [true, false], [true, false])
    func earlyEnd(_ isReset: Bool, _ isDelegateSetBefore: Bool) throws {
        let stream = try self.lazyStream()
        let user = StreamRecorder(stream.muxed)
        if isDelegateSetBefore { stream.delegate = user }
        _ = try self.pair.dialer.takeOutbound()
        try self.pair.dialer.receive(.window(1, WireFrame.ack | (isReset ? WireFrame.rst : WireFrame.fin)))

        if !isDelegateSetBefore { stream.delegate = user }

        #expect(user.closed.count == 1)
        #expect(user.received.readableBytes == 0)
    }

    @Test func theUsersOwnResetBeforeTheConfirmationReachesTheUser() throws {
        let stream = try self.lazyStream()
        let user = StreamRecorder(stream.muxed)
        stream.delegate = user

        stream.reset(.shutdown)
        self.pair.loop.run()

        #expect(user.closed == [.resetLocally(.shutdown)])
    }

    @Test func theEndOfTheConnectionReachesTheUserOfALazyStream() throws {
        let stream = try self.lazyStream()
        let user = StreamRecorder(stream.muxed)
        stream.delegate = user

        self.pair.dialer.channel.close(promise: nil)
        self.pair.loop.run()

        #expect(user.closed == [.connectionClosed])
    }

    @Test func bytesOfTheNegotiationAreCredited() throws {
        // More than the initial window of 256 KiB passes, which needs each byte taken to have been returned.
        _ = self.serve(["/a"])
        let stream = try self.lazyStream()
        for _ in 0..<6 { stream.write(ByteBuffer(repeating: 7, count: 100_000)) }
        stream.closeWrite()

        try self.pair.settle()
        let remote = try self.accepted()
        let handler = StreamRecorder(remote)
        remote.delegate = handler
        try self.pair.settle()

        #expect(handler.receivedBytes == 600_000)
        #expect(handler.remoteClosedWrite == 1)
    }

    @Test(
        "An inbound peer that stalls is cut off after ten seconds",
        arguments: [
            "", header, header + "\u{03}/x\n", header + "\u{20}/",
        ]
    )
    func inboundStall(_ said: String) throws {
        let served = self.serve(["/a"])
        try self.pair.listener.receive(.data(1, WireFrame.syn, said))

        self.pair.loop.advanceTime(by: .milliseconds(9_999))
        #expect(served.result == nil)
        self.pair.loop.advanceTime(by: .milliseconds(1))

        #expect(throws: NetworkError.timedOut) { _ = try served.result?.get() }
        #expect(self.pair.listener.connection.streamCount == 0)
    }

    @Test("Inbound garbage and ends reset the stream", arguments: ["\u{00}", "\u{03}na\n", header + "\u{7F}"])
    func inboundGarbage(_ said: String) throws {
        let served = self.serve(["/a"])

        try self.pair.listener.receive(.data(1, WireFrame.syn | WireFrame.fin, said))

        #expect(throws: NetworkError.streamReset) { _ = try served.result?.get() }
        #expect(self.pair.listener.connection.streamCount == 0)
    }
}

/// A connection nothing is asked of.
final class IdleConnection: Connection, @unchecked Sendable {
    // Unchecked: holds nothing that changes.

    let eventLoop: any EventLoop
    let id = ConnectionID(rawValue: 1)
    let direction = Direction.outbound
    let security: ProtocolID = "/noise"
    let muxer: ProtocolID = "/yamux/1.0.0"
    let openedAt = NIODeadline.uptimeNanoseconds(0)
    let isOpen = true
    let remotePublicKey = NoiseTestKeys.dialer.publicKey

    init(loop: any EventLoop) {
        self.eventLoop = loop
    }

    var remotePeer: PeerID { self.remotePublicKey.peerID }
    var localAddress: Multiaddr { NoiseTestKeys.address }
    var remoteAddress: Multiaddr { NoiseTestKeys.address }

    func openStream(_ protocols: [ProtocolID], timeout: TimeAmount) -> EventLoopFuture<Stream> {
        self.eventLoop.makeFailedFuture(NetworkError.connectionClosed)
    }

    func close(_ code: ConnectionErrorCode) -> EventLoopFuture<Void> {
        self.eventLoop.makeSucceededVoidFuture()
    }
}
