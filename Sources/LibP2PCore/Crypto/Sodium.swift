import CSodium

/// libsodium, initialised on first use.
enum Sodium {
    /// `sodium_init` is idempotent; the lazily made constant runs it once, whatever thread comes first.
    private static let isInitialised = sodium_init() >= 0

    /// Chooses libsodium's implementations for this processor. Every use of libsodium calls it before.
    @inline(__always)
    static func initialise() {
        _ = self.isInitialised
    }
}
