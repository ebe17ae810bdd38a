import Glibc

/// What the daemon asks of the system for itself.
enum ProcessLimits {
    /// Allows as many descriptors as the administrator permits; the default of most shells is 1024.
    static func raiseDescriptors() {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0, limit.rlim_cur < limit.rlim_max else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(resource, &limit)
    }

    /// Threads that carry connections: on a small machine one, so that nothing ever changes threads.
    static var eventLoops: Int {
        let cores = sysconf(CInt(_SC_NPROCESSORS_ONLN))
        return cores <= 2 ? 1 : min(4, cores / 2)
    }
}

extension ProcessLimits {
    /// As whom the daemon runs.
    static var userID: UInt32 { geteuid() }
}
