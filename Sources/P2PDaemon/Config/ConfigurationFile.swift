/// The JSON configuration file.
enum ConfigurationFile {
    /// - Throws: when a configuration is asked for: it must not be ignored in silence.
    static func check(_ values: FlagValues) throws(DaemonError) {
        // TODO(config): read the file with libjansson.
        if values.bool("i") || !values.string("f").isEmpty {
            throw .fatal("configuration files (-f, -i) are not supported in this version; use flags (p2pd -help)")
        }
    }
}
