import Glibc
import P2PControl

/// `p2pctl`: finds the command, runs it, and turns what went wrong into one line and an exit code.
enum CommandLineTool {
    static func run(_ arguments: [String]) -> Int32 {
        do throws(CommandError) {
            var options = Options(arguments)
            guard let command = try options.takeCommand() else {
                throw .usage("which command? Try: p2pctl help")
            }
            return try self.run(command, &options)
        } catch {
            StandardError.print("p2pctl: \(error)")
            return error.exitCode
        }
    }

    private static func run(_ command: String, _ options: inout Options) throws(CommandError) -> Int32 {
        if options.wantsHelp, command != "key" {
            print(Help.text(for: command) ?? Help.overview)
            return 0
        }
        switch command {
        case "connect": return try ConnectCommand.run(&options)
        case "disconnect": return try DisconnectCommand.run(&options)
        case "help": return try self.help(&options)
        case "id": return try IDCommand.run(&options)
        case "key": return KeyCommand.run(options.rest)
        case "listen": return try ListenCommand.run(&options)
        case "peers": return try PeersCommand.run(&options)
        case "stream": return try StreamCommand.run(&options)
        case "version": return try VersionCommand.run(&options)
        default: throw .usage("unknown command \"\(command)\". Try: p2pctl help")
        }
    }

    private static func help(_ options: inout Options) throws(CommandError) -> Int32 {
        guard let command = options.rest.first else {
            print(Help.overview)
            return 0
        }
        guard let text = Help.text(for: command) else {
            throw .usage("no help for \"\(command)\". Try: p2pctl help")
        }
        print(text)
        return 0
    }
}

/// Lines for people, apart from the output.
enum StandardError {
    static func print(_ line: String) {
        // Whole lines in one write: several processes may share the terminal.
        let bytes = Array((line + "\n").utf8)
        _ = bytes.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }
}
