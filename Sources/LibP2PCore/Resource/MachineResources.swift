#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// What the machine gives this process; read when asked.
public enum MachineResources {
    /// Physical memory.
    public static var memoryBytes: Int {
        let pages = sysconf(Int32(_SC_PHYS_PAGES))
        let pageBytes = sysconf(Int32(_SC_PAGESIZE))
        guard pages > 0, pageBytes > 0 else { return 1_073_741_824 }
        let (bytes, overflow) = Int(pages).multipliedReportingOverflow(by: Int(pageBytes))
        return overflow ? Int.max : bytes
    }

    /// Descriptors the process may open (`RLIMIT_NOFILE`, the soft limit).
    public static var descriptors: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1024 }
        return Int(clamping: limit.rlim_cur)
    }
}
