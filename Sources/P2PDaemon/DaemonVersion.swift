/// What this program calls itself.
public enum DaemonVersion {
    public static let current = "0.1.0"

    /// Told to every peer by identify.
    static let agent = "p2pd/\(Self.current)"
}
