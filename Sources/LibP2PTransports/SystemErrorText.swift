import Glibc
import NIOCore

/// The system's words for what went wrong.
enum SystemErrorText {
    static func describe(_ error: any Error) -> String {
        switch error {
        case let error as IOError: SystemErrorText.describe(errno: error.errnoCode)
        case ChannelError.connectTimeout: "connection timed out"
        case ChannelError.alreadyClosed, ChannelError.ioOnClosedChannel, ChannelError.eof: "connection closed"
        default: String(describing: error)
        }
    }

    /// A fixed list: `strerror` is neither thread-safe nor independent of the locale.
    static func describe(errno code: CInt) -> String {
        switch code {
        case EACCES: "permission denied"
        case EADDRINUSE: "address already in use"
        case EADDRNOTAVAIL: "cannot assign requested address"
        case EAFNOSUPPORT: "address family not supported"
        case ECONNABORTED: "connection aborted"
        case ECONNREFUSED: "connection refused"
        case ECONNRESET: "connection reset by peer"
        case EHOSTUNREACH: "no route to host"
        case EINVAL: "invalid argument"
        case EMFILE: "too many open files"
        case ENETDOWN: "network is down"
        case ENETUNREACH: "network is unreachable"
        case ENFILE: "too many open files in system"
        case ENOBUFS: "no buffer space available"
        case ENODEV: "no such device"
        case ENOMEM: "cannot allocate memory"
        case EPERM: "operation not permitted"
        case ETIMEDOUT: "connection timed out"
        default: "system error \(code)"
        }
    }

    /// Whether nothing is wrong with the connection, but the process or the system has no more of something.
    static func isExhaustion(_ code: CInt) -> Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code)
    }
}
