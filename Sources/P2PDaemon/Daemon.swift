import Glibc
import P2PControl

/// The process: from its command line to its exit code.
public enum Daemon {
    /// Runs until a signal, an error or the last client ends it.
    ///
    /// - Parameter arguments: the program's name first.
    /// - Returns: the exit code.
    public static func run(_ arguments: [String]) -> Int32 {
        Signals.block()
        let program = arguments.first ?? "p2pd"
        let flags = FlagSet(DaemonFlags.all)
        let values: FlagValues
        switch flags.parse(Array(arguments.dropFirst())) {
        case .values(let parsed):
            values = parsed
        case .help:
            LogOutput.standardError.write(flags.usage(program: program))
            return 0
        case .failed(let error):
            LogOutput.standardError.write(error + "\n" + flags.usage(program: program))
            return 2
        }
        if values.bool("version") {
            LogOutput.standardOutput.write("p2pd \(DaemonVersion.current)\n")
            return 0
        }
        let environment: (String) -> String? = { name in getenv(name).map { String(cString: $0) } }
        do throws(DaemonError) {
            let sockets = PassedSockets(environment: environment, process: getpid())
            let options = try DaemonOptions(values, hasPassedSockets: !sockets.isEmpty)
            for warning in options.warnings {
                Console.complain("warning: \(warning)")
            }
            ProcessLimits.raiseDescriptors()
            let run = try DaemonRun(options, sockets, LogSettings(environment: environment))
            run.start()
            return run.waitForTheEnd()
        } catch {
            switch error {
            case .fatal(let line): return Self.fail(line)
            }
        }
    }

    /// Says why in one line, the last.
    static func fail(_ line: String) -> Int32 {
        Console.complain(line.split(separator: "\n").joined(separator: " "))
        return 1
    }
}
