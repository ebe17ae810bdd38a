import Glibc

/// The process's signals, taken by one thread that waits for them.
enum Signals {
    /// What a signal means.
    enum Event: Sendable, Hashable {
        /// SIGUSR1: say what is open.
        case dump
        /// SIGINT.
        case interrupt
        /// SIGHUP: there is no configuration to read again yet.
        case reload
        /// SIGTERM.
        case terminate
        /// SIGUSR2, by which other threads wake this one; it means nothing when it comes from outside.
        case wake
    }

    private static let events: [(CInt, Event)] = [
        (SIGUSR1, .dump), (SIGINT, .interrupt), (SIGHUP, .reload), (SIGTERM, .terminate), (SIGUSR2, .wake),
    ]

    /// Holds the signals back in this thread and in all that it starts. Call first in the process.
    static func block() {
        signal(SIGPIPE, SIG_IGN)
        var set = Self.set
        pthread_sigmask(SIG_BLOCK, &set, nil)
    }

    /// Waits for the next signal.
    ///
    /// - Parameter nanoseconds: nil: for ever.
    /// - Returns: nil when the time is over.
    static func next(within nanoseconds: Int64? = nil) -> Event? {
        var set = Self.set
        while true {
            let number: CInt
            if let nanoseconds {
                var limit = timespec(
                    tv_sec: Int(nanoseconds / 1_000_000_000),
                    tv_nsec: Int(nanoseconds % 1_000_000_000)
                )
                number = sigtimedwait(&set, nil, &limit)
            } else {
                number = sigwaitinfo(&set, nil)
            }
            if let event = Self.events.first(where: { $0.0 == number })?.1 { return event }
            if errno != EINTR { return nil }
        }
    }

    /// Wakes the thread that waits.
    static func wake() {
        kill(getpid(), SIGUSR2)
    }

    private static var set: sigset_t {
        var set = sigset_t()
        sigemptyset(&set)
        for (number, _) in Self.events { sigaddset(&set, number) }
        return set
    }
}
