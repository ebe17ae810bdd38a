/// Why a local endpoint could not be used. The message says what failed and what to do.
public enum LocalIPCError: Error, Sendable, Hashable {
    /// Another process serves there.
    case addressInUse(LocalEndpoint)
    /// Nobody listens there (ECONNREFUSED, ENOENT): the program is gone.
    case notListening(LocalEndpoint)
    /// The listener runs as another user than the one that named it.
    case ownerMismatch(LocalEndpoint, expected: UInt32, actual: UInt32)
    /// Anything else; the text is the system's.
    case systemError(LocalEndpoint, String)
    /// The listener took no connection in time.
    case timedOut(LocalEndpoint)
}
