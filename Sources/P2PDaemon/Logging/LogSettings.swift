import Glibc
import Logging

/// Where log lines go, in which form and from which level on: go-log's environment variables.
struct LogSettings: Sendable {
    private(set) var isJSON = false
    private(set) var outputs: [LogOutput] = [.standardError]
    private var defaultLevel = Logger.Level.error
    private var levels: [String: Logger.Level] = [:]

    /// - Parameter environment: gives a variable's value.
    init(environment: (String) -> String?) {
        let format = environment("GOLOG_LOG_FMT") ?? environment("IPFS_LOGGING_FMT")
        self.isJSON = format == "json"
        // `error`, or `p2pd=debug,dht=info`, or both mixed.
        for part in (environment("GOLOG_LOG_LEVEL") ?? environment("IPFS_LOGGING") ?? "").split(separator: ",") {
            let words = part.split(separator: "=", maxSplits: 1)
            guard let name = words.last, let level = Self.level(name) else { continue }
            if words.count == 2 {
                self.levels[String(words[0])] = level
            } else {
                self.defaultLevel = level
            }
        }
        self.outputs = Self.outputs(environment)
    }

    func level(of label: String) -> Logger.Level { self.levels[label] ?? self.defaultLevel }

    func logger(_ label: String) -> Logger {
        Logger(label: label) { GoLogHandler(label: $0, settings: self) }
    }

    private static func level(_ name: Substring) -> Logger.Level? {
        switch name.lowercased() {
        case "debug": .debug
        case "info": .info
        case "warn", "warning": .warning
        case "error": .error
        case "dpanic", "panic", "fatal": .critical
        default: nil
        }
    }

    private static func outputs(_ environment: (String) -> String?) -> [LogOutput] {
        var outputs: [LogOutput] = []
        let file = environment("GOLOG_FILE").flatMap { $0.isEmpty ? nil : LogOutput(appendingTo: $0) }
        if let names = environment("GOLOG_OUTPUT"), !names.isEmpty {
            for name in names.split(separator: "+") {
                switch name {
                case "file": if let file { outputs.append(file) }
                case "stderr": outputs.append(.standardError)
                case "stdout": outputs.append(.standardOutput)
                default: break
                }
            }
        } else if let file {
            outputs.append(file)
        }
        return outputs.isEmpty ? [.standardError] : outputs
    }
}

/// A descriptor that takes whole lines.
struct LogOutput: Sendable, Hashable {
    static let standardError = LogOutput(descriptor: 2)
    static let standardOutput = LogOutput(descriptor: 1)

    private let descriptor: CInt

    private init(descriptor: CInt) {
        self.descriptor = descriptor
    }

    /// - Returns: nil when the file cannot be opened. It stays open as long as the process.
    init?(appendingTo path: String) {
        let file = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard file >= 0 else { return nil }
        self.init(descriptor: file)
    }

    /// Writes it in one `write(2)`, so that a reader sees no part of a line and no other thread's words in it.
    ///
    /// A reader that is gone is nobody's concern: the daemon serves on.
    func write(_ text: String) {
        var text = text
        text.withUTF8 { bytes in
            var rest = UnsafeRawBufferPointer(bytes)
            while !rest.isEmpty {
                let count = Glibc.write(self.descriptor, rest.baseAddress, rest.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return }
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }
}
