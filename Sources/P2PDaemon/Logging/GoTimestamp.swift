import Glibc

/// The two forms of time in the old daemons' output, without a date formatter.
enum GoTimestamp {
    /// `2026/11/22 14:58:49`, local time, as Go's `log` package begins a line.
    static func line() -> String {
        var now = time(nil)
        var parts = tm()
        localtime_r(&now, &parts)
        return Self.digits(Int(parts.tm_year) + 1900, 4) + "/" + Self.digits(Int(parts.tm_mon) + 1, 2) + "/"
            + Self.digits(Int(parts.tm_mday), 2) + " " + Self.clock(parts)
    }

    /// `2026-11-22T14:58:53.526Z`, UTC, as go-log writes it.
    static func log() -> String {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return Self.log(now)
    }

    static func log(_ instant: timespec) -> String {
        var seconds = instant.tv_sec
        var parts = tm()
        gmtime_r(&seconds, &parts)
        return Self.digits(Int(parts.tm_year) + 1900, 4) + "-" + Self.digits(Int(parts.tm_mon) + 1, 2) + "-"
            + Self.digits(Int(parts.tm_mday), 2) + "T" + Self.clock(parts) + "."
            + Self.digits(Int(instant.tv_nsec) / 1_000_000, 3) + "Z"
    }

    private static func clock(_ parts: tm) -> String {
        Self.digits(Int(parts.tm_hour), 2) + ":" + Self.digits(Int(parts.tm_min), 2) + ":"
            + Self.digits(Int(parts.tm_sec), 2)
    }

    private static func digits(_ number: Int, _ width: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
}
