import Glibc
import LibP2PCore
import Multiformats
import P2PControl

/// `p2pctl stream open`
enum StreamCommand {
    static func run(_ options: inout Options) throws(CommandError) -> Int32 {
        let verb = try options.takeOperand("open")
        guard verb == "open" else {
            throw .usage("unknown command \"stream \(verb)\". Try: p2pctl help stream")
        }
        let (peer, address) = try Options.peer(try options.takeOperand("PEER"))
        let protocols = try options.takeOperands("PROTOCOL").map { ProtocolID($0) }
        try options.end()
        let client = try options.client()
        do {
            if let address {
                try client.connect(to: peer, addresses: [address], timeoutSeconds: options.timeoutSeconds)
            }
            _ = try client.openStream(to: peer, protocols: protocols, timeoutSeconds: options.timeoutSeconds)
        } catch {
            throw .daemon(error)
        }
        try StreamPump.run(client.takeDescriptor())
        return 0
    }
}

/// Carries bytes between a stream and standard input and output, each direction until its own end.
enum StreamPump {
    private static let chunkBytes = 65_536

    /// Takes the descriptor and closes it.
    static func run(_ stream: Int32, interrupt: Int32 = -1) throws(CommandError) {
        defer { close(stream) }
        var isInputOpen = true
        var isStreamOpen = true
        var pending: ArraySlice<UInt8> = []
        while true {
            // The end of the input ends our direction only; the peer's answer is still read.
            let wantsInput = isInputOpen && pending.isEmpty
            var descriptors = [
                pollfd(fd: wantsInput ? STDIN_FILENO : -1, events: Int16(POLLIN), revents: 0),
                pollfd(
                    fd: stream,
                    events: Int16(isStreamOpen ? POLLIN : 0) | Int16(pending.isEmpty ? 0 : POLLOUT),
                    revents: 0
                ),
                pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&descriptors, nfds_t(descriptors.count), -1) >= 0 || errno == EINTR else {
                throw .failed("poll: \(String(cString: strerror(errno)))")
            }
            if descriptors[2].revents != 0 {
                return
            }
            if descriptors[0].revents != 0 {
                pending = self.readInput()
                if pending.isEmpty {
                    isInputOpen = false
                    shutdown(stream, Int32(SHUT_WR))
                }
            }
            if !pending.isEmpty, try !self.send(&pending, to: stream) {
                // The peer takes no more; what it has sent is still read.
                isInputOpen = false
                pending = []
            }
            if isStreamOpen, descriptors[1].revents & Int16(POLLIN | POLLHUP | POLLERR) != 0 {
                isStreamOpen = try self.receive(from: stream)
            }
            let isHungUp = descriptors[1].revents & Int16(POLLHUP | POLLERR) != 0
            if !isStreamOpen && (isHungUp || !isInputOpen) {
                return
            }
        }
    }

    /// Empty at the end of the input.
    private static func readInput() -> ArraySlice<UInt8> {
        var chunk = [UInt8](repeating: 0, count: self.chunkBytes)
        let count = chunk.withUnsafeMutableBytes { read(STDIN_FILENO, $0.baseAddress, $0.count) }
        return chunk.prefix(max(count, 0))
    }

    /// False when the stream takes no more.
    private static func send(_ bytes: inout ArraySlice<UInt8>, to stream: Int32) throws(CommandError) -> Bool {
        let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
        let count = bytes.withUnsafeBytes { Glibc.send(stream, $0.baseAddress, $0.count, flags) }
        guard count >= 0 else {
            return errno == EAGAIN || errno == EINTR
        }
        bytes = bytes.dropFirst(count)
        return true
    }

    /// False at the end of the stream.
    private static func receive(from stream: Int32) throws(CommandError) -> Bool {
        var chunk = [UInt8](repeating: 0, count: self.chunkBytes)
        let count = chunk.withUnsafeMutableBytes { recv(stream, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT)) }
        guard count >= 0 else {
            return errno == EAGAIN || errno == EINTR
        }
        var rest = chunk.prefix(count)
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            guard written >= 0 else {
                if errno == EINTR { continue }
                throw .failed("standard output: \(String(cString: strerror(errno)))")
            }
            rest = rest.dropFirst(written)
        }
        return count > 0
    }
}
