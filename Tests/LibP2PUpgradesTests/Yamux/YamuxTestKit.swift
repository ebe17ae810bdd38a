import LibP2PCore
import NIOCore
import NIOEmbedded

@testable import LibP2PUpgrades

/// Remembers what a stream has told, and returns credit at once unless told otherwise.
final class StreamRecorder: MuxedStreamDelegate {
    weak var stream: (any MuxedStream)?
    var returnsCredit: Bool
    var received = ByteBuffer()
    var receivedBytes = 0
    var keepsBytes = true
    var remoteClosedWrite = 0
    var writability: [Bool] = []
    var closed: [StreamCloseReason] = []
    var onReceive: ((ByteBuffer) -> Void)?
    var onWritable: (() -> Void)?

    init(_ stream: any MuxedStream, returnsCredit: Bool = true) {
        self.stream = stream
        self.returnsCredit = returnsCredit
    }

    func streamReceived(_ data: ByteBuffer) {
        precondition(self.remoteClosedWrite == 0 && self.closed.isEmpty, "data after the end")
        self.receivedBytes += data.readableBytes
        if self.keepsBytes { self.received.writeImmutableBuffer(data) }
        if self.returnsCredit { self.stream?.returnCredit(data.readableBytes) }
        self.onReceive?(data)
    }

    func streamRemoteClosedWrite() {
        precondition(self.closed.isEmpty, "FIN after the end")
        self.remoteClosedWrite += 1
    }

    func streamWritabilityChanged(_ isWritable: Bool) {
        self.writability.append(isWritable)
        if isWritable { self.onWritable?() }
    }

    func streamClosed(_ reason: StreamCloseReason) {
        self.closed.append(reason)
    }

    var text: String { String(buffer: self.received) }
}

/// Remembers what a connection has told; gives each accepted stream a recorder unless told otherwise.
final class ConnectionRecorder: MuxedConnectionDelegate {
    var accepted: [any MuxedStream] = []
    var recorders: [StreamRecorder] = []
    var ended: [UInt64] = []
    var setsDelegates = true
    var returnsCredit = true
    var closed: [ConnectionCloseReason] = []
    var onAccept: ((any MuxedStream) -> Void)?

    func muxerAcceptedStream(_ stream: any MuxedStream) {
        self.accepted.append(stream)
        if self.setsDelegates {
            let recorder = StreamRecorder(stream, returnsCredit: self.returnsCredit)
            self.recorders.append(recorder)
            stream.delegate = recorder
        }
        self.onAccept?(stream)
    }

    func muxerStreamEnded(_ stream: any MuxedStream) {
        precondition(self.closed.isEmpty, "a stream's end after the connection's")
        self.ended.append(stream.id)
    }

    func muxerClosed(_ reason: ConnectionCloseReason) {
        self.closed.append(reason)
    }
}

/// One muxer over a channel in memory.
final class YamuxEnd {
    let channel: EmbeddedChannel
    let connection: any MuxedConnection
    let recorder = ConnectionRecorder()

    init(
        _ direction: Direction,
        loop: EmbeddedEventLoop,
        configuration: YamuxConfiguration = YamuxConfiguration(),
        setsDelegate: Bool = true
    ) throws {
        self.channel = EmbeddedChannel(loop: loop)
        try self.channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 4001)).wait()
        self.connection = try YamuxUpgrade(configuration: configuration).mux(self.channel, direction: direction)
        if setsDelegate {
            self.connection.delegate = self.recorder
        }
        loop.run()
    }

    // Proven: `YamuxUpgrade` made it.
    // swift-format-ignore: NeverForceUnwrap
    var handler: YamuxHandler { self.connection as! YamuxHandler }
    var loop: EmbeddedEventLoop { self.channel.embeddedEventLoop }

    func open() throws -> (any MuxedStream, StreamRecorder) {
        let stream = try self.connection.openStream()
        let recorder = StreamRecorder(stream)
        stream.delegate = recorder
        return (stream, recorder)
    }

    /// The bytes that left, after the loop has come to rest.
    func takeOutbound() throws -> ByteBuffer {
        self.loop.run()
        var all = ByteBuffer()
        while var buffer = try self.channel.readOutbound(as: ByteBuffer.self) { all.writeBuffer(&buffer) }
        return all
    }

    /// The frames that left.
    func takeFrames() throws -> [WireFrame] {
        WireFrame.parse(try self.takeOutbound())
    }

    /// Frames the peer sends.
    func receive(_ frames: WireFrame...) throws {
        try self.receive(frames)
    }

    func receive(_ frames: [WireFrame]) throws {
        var buffer = ByteBuffer()
        for frame in frames { frame.write(to: &buffer) }
        try self.receive(buffer)
    }

    func receive(_ buffer: ByteBuffer) throws {
        guard self.channel.isActive else { return }
        try self.channel.writeInbound(buffer)
        self.loop.run()
    }
}

/// A frame as the wire carries it.
struct WireFrame: Hashable {
    var type: UInt8
    var flags: UInt16
    var id: UInt32
    var length: UInt32
    var body: [UInt8] = []

    static func data(_ id: UInt32, _ flags: UInt16 = 0, _ body: String) -> WireFrame {
        .data(id, flags, Array(body.utf8))
    }

    static func data(_ id: UInt32, _ flags: UInt16 = 0, _ body: [UInt8]) -> WireFrame {
        WireFrame(type: 0, flags: flags, id: id, length: UInt32(body.count), body: body)
    }

    static func window(_ id: UInt32, _ flags: UInt16 = 0, _ delta: UInt32 = 0) -> WireFrame {
        WireFrame(type: 1, flags: flags, id: id, length: delta)
    }

    static func ping(_ flags: UInt16, _ value: UInt32) -> WireFrame {
        WireFrame(type: 2, flags: flags, id: 0, length: value)
    }

    static func goAway(_ code: UInt32) -> WireFrame {
        WireFrame(type: 3, flags: 0, id: 0, length: code)
    }

    static let syn: UInt16 = 1
    static let ack: UInt16 = 2
    static let fin: UInt16 = 4
    static let rst: UInt16 = 8

    func write(to buffer: inout ByteBuffer) {
        buffer.writeMultipleIntegers(UInt8(0), self.type, self.flags, self.id, self.length)
        buffer.writeBytes(self.body)
    }

    static func parse(_ bytes: ByteBuffer) -> [WireFrame] {
        var buffer = bytes
        var frames: [WireFrame] = []
        while let (version, type, flags, id, length) = buffer.readMultipleIntegers(
            as: (UInt8, UInt8, UInt16, UInt32, UInt32).self
        ) {
            precondition(version == 0)
            let body = type == 0 ? buffer.readBytes(length: Int(length)) ?? [] : []
            frames.append(WireFrame(type: type, flags: flags, id: id, length: length, body: body))
        }
        return frames
    }
}

/// A dialer and a listener whose channels are joined without delay.
final class YamuxPair {
    let loop = EmbeddedEventLoop()
    let dialer: YamuxEnd
    let listener: YamuxEnd

    init(configuration: YamuxConfiguration = YamuxConfiguration()) throws {
        self.dialer = try YamuxEnd(.outbound, loop: self.loop, configuration: configuration)
        self.listener = try YamuxEnd(.inbound, loop: self.loop, configuration: configuration)
    }

    /// Carries bytes to and fro until both sides are at rest.
    func settle() throws {
        while true {
            let there = try self.dialer.takeOutbound()
            let back = try self.listener.takeOutbound()
            guard there.readableBytes + back.readableBytes > 0 else { return }
            if there.readableBytes > 0 { try self.listener.receive(there) }
            if back.readableBytes > 0 { try self.dialer.receive(back) }
        }
    }
}

/// A small generator whose seed a failing test prints.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var z = self.state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// Bytes that do not repeat soon, made once.
enum YamuxPattern {
    static let bytes: ByteBuffer = {
        var random = SeededRandom(seed: 1)
        var buffer = ByteBuffer()
        for _ in 0..<40_000 { buffer.writeInteger(random.next()) }
        return buffer
    }()
}
