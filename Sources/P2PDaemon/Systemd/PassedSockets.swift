import Glibc
import LocalIPC

/// The listening sockets that the service manager passed (sd_listen_fds(3)).
struct PassedSockets: Sendable {
    /// Descriptor 3 and those behind it, with their names; the order means nothing.
    let sockets: [(descriptor: CInt, name: String)]

    private static let first: CInt = 3
    private static let most = 64

    /// - Parameters:
    ///   - environment: gives a variable's value.
    ///   - process: whom the sockets must be meant for; a child that inherited the variables gets none.
    init(environment: (String) -> String?, process: Int32) {
        guard environment("LISTEN_PID").flatMap({ Int32($0) }) == process,
            let count = environment("LISTEN_FDS").flatMap({ Int($0) }), count > 0
        else {
            self.sockets = []
            return
        }
        let names = environment("LISTEN_FDNAMES")?.split(separator: ":", omittingEmptySubsequences: false) ?? []
        self.sockets = (0..<min(count, Self.most)).map { index in
            (Self.first + CInt(index), index < names.count ? String(names[index]) : "unknown")
        }
    }

    var isEmpty: Bool { self.sockets.isEmpty }
}
