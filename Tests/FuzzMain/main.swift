import FuzzTargets
import Glibc

// libFuzzer's program: the environment variable FUZZ_TARGET names the decoder.
// Built only by `make fuzz`, with `-sanitize=fuzzer`, which brings the driver and instruments everything above.

/// libFuzzer's driver (FuzzerInterface.h): parses its own flags and calls back until told to stop.
@_silgen_name("LLVMFuzzerRunDriver")
func runFuzzer(
    _ argumentCount: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ callback: @convention(c) (UnsafePointer<UInt8>, Int) -> CInt
) -> CInt

let name = getenv("FUZZ_TARGET").map { String(cString: $0) } ?? ""
guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
    fatalError("FUZZ_TARGET is one of \(FuzzTarget.all.map(\.name).joined(separator: " "))")
}
nonisolated(unsafe) let run = target.run

var argumentCount = CommandLine.argc
var arguments = CommandLine.unsafeArgv
exit(
    runFuzzer(&argumentCount, &arguments) { start, count in
        run(Array(UnsafeBufferPointer(start: start, count: count)))
        return 0
    }
)
