import Glibc

// A peer that closes early is an error to report, not a signal to die of.
signal(SIGPIPE, SIG_IGN)
exit(CommandLineTool.run(Array(CommandLine.arguments.dropFirst())))
