import Glibc
import P2PDaemon

exit(Daemon.run(CommandLine.arguments))
