import Logging

/// Writes log lines the way go-log does, which is what the clients that read the daemon's output parse.
///
/// Text: `time TAB LEVEL TAB logger TAB caller TAB message TAB {fields}`. JSON: one object with `level`, `ts`, `logger`, `caller`,
/// `msg` and the fields.
struct GoLogHandler: LogHandler {
    var metadata: Logger.Metadata = [:]
    var logLevel: Logger.Level
    private let label: String
    private let isJSON: Bool
    private let outputs: [LogOutput]

    init(label: String, settings: LogSettings) {
        self.label = label
        self.logLevel = settings.level(of: label)
        self.isJSON = settings.isJSON
        self.outputs = settings.outputs
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        var fields = self.metadata
        if let metadata = event.metadata { fields.merge(metadata) { _, new in new } }
        if let error = event.error { fields["error"] = "\(error)" }
        let sorted = fields.sorted { $0.key < $1.key }
        let caller = "\(Self.fileName(event.file)):\(event.line)"
        let line =
            self.isJSON
            ? self.json(event.level, caller, "\(event.message)", sorted)
            : self.text(event.level, caller, "\(event.message)", sorted)
        for output in self.outputs {
            output.write(line)
        }
    }

    private func json(
        _ level: Logger.Level,
        _ caller: String,
        _ message: String,
        _ fields: [(key: String, value: Logger.Metadata.Value)]
    ) -> String {
        var line = "{\"level\":\"\(Self.name(level))\",\"ts\":\"\(GoTimestamp.log())\",\"logger\":"
        line += JSONText.quoted(self.label) + ",\"caller\":" + JSONText.quoted(caller)
        line += ",\"msg\":" + JSONText.quoted(message)
        for (key, value) in fields {
            line += "," + JSONText.quoted(key) + ":" + JSONText.quoted("\(value)")
        }
        return line + "}\n"
    }

    private func text(
        _ level: Logger.Level,
        _ caller: String,
        _ message: String,
        _ fields: [(key: String, value: Logger.Metadata.Value)]
    ) -> String {
        var line = "\(GoTimestamp.log())\t\(Self.name(level).uppercased())\t\(self.label)\t\(caller)\t"
        // A peer's or a client's text must not be able to begin a line of its own.
        line += message.contains("\n") ? JSONText.quoted(message) : message
        if !fields.isEmpty {
            let pairs = fields.map { JSONText.quoted($0.key) + ": " + JSONText.quoted("\($0.value)") }
            line += "\t{" + pairs.joined(separator: ", ") + "}"
        }
        return line + "\n"
    }

    /// go-log has no trace, notice or critical.
    private static func name(_ level: Logger.Level) -> String {
        switch level {
        case .trace, .debug: "debug"
        case .info, .notice: "info"
        case .warning: "warn"
        case .error, .critical: "error"
        }
    }

    private static func fileName(_ path: String) -> Substring {
        path.split(separator: "/").last ?? ""
    }
}

/// JSON strings.
enum JSONText {
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
