import Glibc

let arguments = CommandLine.arguments.dropFirst()
if arguments.first == "key" {
    exit(KeyCommand.run(Array(arguments.dropFirst())))
}
print("p2pctl: only \"p2pctl key\" exists yet")
exit(2)
