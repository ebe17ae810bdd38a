import Glibc
import LibP2PCore
import Multiformats
import P2PControl

/// `p2pctl listen`
enum ListenCommand {
    static func run(_ options: inout Options) throws(CommandError) -> Int32 {
        let command = options.takeAll(behind: "--exec")
        if let command, command.isEmpty {
            throw .usage("--exec needs a command")
        }
        let isKept = options.takeFlag("--keep")
        let isBalanced = options.takeFlag("--balanced")
        let protocols = try options.takeOperands("PROTOCOL").map { ProtocolID($0) }
        try options.end()

        let client = try options.client()
        let interrupt = try Interrupt.install()
        let listener = try StreamListener(isOpenToOthers: client.daemonUID != geteuid())
        defer { listener.close() }
        do {
            try client.handle(protocols, at: listener.address, isBalanced: isBalanced)
        } catch {
            throw .daemon(error)
        }
        defer {
            // The daemon drops a handler that is gone by itself, at the cost of one stream.
            try? client.unhandle(protocols, at: listener.address)
        }
        return try self.serve(listener, interrupt: interrupt, command: command, isKept: isKept)
    }

    private static func serve(
        _ listener: StreamListener,
        interrupt: Int32,
        command: [String]?,
        isKept: Bool
    ) throws(CommandError) -> Int32 {
        var children: Set<pid_t> = []
        while let stream = try listener.accept(interrupt: interrupt) {
            let description: ControlClient.StreamDescription
            do {
                description = try ControlClient.readPrologue(stream)
            } catch {
                // Not the daemon.
                close(stream)
                continue
            }
            StandardError.print("\(description.peer) \(description.protocolID) \(description.address)")
            guard let command else {
                try StreamPump.run(stream, interrupt: interrupt)
                if !isKept { return 0 }
                continue
            }
            let child = try ChildProcess.start(command, stream: stream, description: description)
            close(stream)
            if !isKept {
                return ChildProcess.wait(child)
            }
            children.insert(child)
            children = children.filter { !ChildProcess.hasEnded($0) }
            // As many as may run; then the next stream waits for the first that ends.
            if children.count >= Self.maximumChildren, let oldest = children.min() {
                _ = ChildProcess.wait(oldest)
                children.remove(oldest)
            }
        }
        return 130
    }

    private static let maximumChildren = 256
}

/// A pipe that becomes readable when SIGINT or SIGTERM arrives, so that what was made is unmade before the end.
enum Interrupt {
    // Global because a signal handler can reach nothing else; set once, before the handler is installed.
    nonisolated(unsafe) private static var writeEnd: Int32 = -1

    /// - Returns: the end to poll.
    static func install() throws(CommandError) -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw .failed("pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        self.writeEnd = ends[1]
        let handler: @convention(c) (Int32) -> Void = { _ in
            var byte: UInt8 = 0
            _ = write(Interrupt.writeEnd, &byte, 1)
        }
        signal(SIGINT, handler)
        signal(SIGTERM, handler)
        return ends[0]
    }
}

/// A Unix socket in a folder of its own that the daemon connects to.
struct StreamListener {
    let address: Multiaddr
    private let descriptor: Int32
    private let folder: String
    private let path: String

    /// - Parameter isOpenToOthers: the daemon runs as another user, who has to get through the folder. Its name cannot be
    ///   listed or guessed then.
    init(isOpenToOthers: Bool) throws(CommandError) {
        var template = Array("\(Self.parent)/p2pctl-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw .failed("cannot make a folder in \(Self.parent): \(String(cString: strerror(errno)))")
        }
        let folder = template.withUnsafeBufferPointer {
            String(decoding: $0.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        }
        let path = "\(folder)/stream.sock"
        self.folder = folder
        self.path = path
        do {
            self.address = try Multiaddr(unixPath: path)
            self.descriptor = try Self.listen(path)
        } catch {
            unlink(path)
            rmdir(folder)
            throw error as? CommandError ?? .failed("cannot listen at \(path): \(error)")
        }
        if isOpenToOthers {
            chmod(path, 0o666)
            chmod(folder, 0o711)
        }
    }

    /// Waits for the next connection; nil when interrupted.
    func accept(interrupt: Int32) throws(CommandError) -> Int32? {
        while true {
            var descriptors = [
                pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0),
                pollfd(fd: interrupt, events: Int16(POLLIN), revents: 0),
            ]
            _ = poll(&descriptors, 2, -1)
            if descriptors[1].revents != 0 {
                return nil
            }
            guard descriptors[0].revents != 0 else { continue }
            let stream = Glibc.accept(self.descriptor, nil, nil)
            if stream >= 0 {
                _ = fcntl(stream, F_SETFD, FD_CLOEXEC)
                return stream
            }
            guard errno == EINTR || errno == ECONNABORTED || errno == EAGAIN else {
                throw .failed("accept: \(String(cString: strerror(errno)))")
            }
        }
    }

    func close() {
        _ = Glibc.close(self.descriptor)
        unlink(self.path)
        rmdir(self.folder)
    }

    private static func listen(_ path: String) throws(CommandError) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
            throw .failed("\(path) is too long for a socket; set TMPDIR to a shorter folder")
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard descriptor >= 0, result == 0, Glibc.listen(descriptor, 128) == 0 else {
            throw .failed("cannot listen at \(path): \(String(cString: strerror(errno)))")
        }
        return descriptor
    }

    private static var parent: String {
        if let folder = getenv("P2PD_STREAM_DIR") {
            return String(cString: folder)
        }
        if access("/run/p2pd/streams", W_OK) == 0 {
            return "/run/p2pd/streams"
        }
        return getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    }
}

/// Commands run for streams.
enum ChildProcess {
    /// Starts a command with the stream as standard input and output.
    static func start(
        _ command: [String],
        stream: Int32,
        description: ControlClient.StreamDescription
    ) throws(CommandError) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, stream, STDIN_FILENO)
        posix_spawn_file_actions_adddup2(&actions, stream, STDOUT_FILENO)
        setenv("P2PD_REMOTE_PEER", description.peer.description, 1)
        setenv("P2PD_REMOTE_ADDR", description.address.description, 1)
        setenv("P2PD_PROTOCOL", description.protocolID.rawValue, 1)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // Our own choice about SIGPIPE is not the command's.
        var defaults = sigset_t()
        sigemptyset(&defaults)
        sigaddset(&defaults, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))

        var arguments: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        defer { arguments.forEach { free($0) } }
        var child: pid_t = 0
        let result = posix_spawnp(&child, command[0], &actions, &attributes, &arguments, environ)
        guard result == 0 else {
            throw .failed("cannot run \(command[0]): \(String(cString: strerror(result)))")
        }
        return child
    }

    /// Waits, and gives the exit code as a shell would.
    static func wait(_ child: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 {
            guard errno == EINTR else { return 1 }
        }
        let signalNumber = status & 0x7f
        return signalNumber == 0 ? (status >> 8) & 0xff : 128 + signalNumber
    }

    static func hasEnded(_ child: pid_t) -> Bool {
        var status: Int32 = 0
        return waitpid(child, &status, WNOHANG) != 0
    }
}
