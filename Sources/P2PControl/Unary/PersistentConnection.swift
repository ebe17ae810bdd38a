import LibP2PCore
package import NIOCore

package struct PersistentConnectionID: Hashable, Sendable {
    let rawValue: UInt64
}

package final class PersistentConnection: ChannelInboundHandler, @unchecked Sendable {
    package typealias InboundIn = ByteBuffer
    package let id = PersistentConnectionID(rawValue: 0)
    package let owner: HandlerOwner
    let channel: any Channel
    init(server: ControlServer, channel: any Channel, owner: HandlerOwner, early: ByteBuffer, isInputClosed: Bool) {
        self.owner = owner
        self.channel = channel
    }
}
final class InboundUnaryCall {
    init(stream: Stream, handlers: HandlerTable, configuration: ControlConfiguration) {}
    func start() {}
}
