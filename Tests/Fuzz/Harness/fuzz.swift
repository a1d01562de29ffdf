// The fuzzer's door: one program for all targets; FUZZ_TARGET names the one to run.
// Built by Tests/Fuzz/build with libFuzzer and the address sanitizer.
import FuzzTargets
import Glibc

private let target: FuzzTarget = {
  guard let name = getenv("FUZZ_TARGET"), let target = FuzzTarget(rawValue: String(cString: name))
  else {
    fputs("FUZZ_TARGET must be one of: \(FuzzTarget.allCases.map(\.rawValue))\n", stderr)
    exit(2)
  }
  return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  target.run(Array(UnsafeBufferPointer(start: start, count: count)))
  return 0
}
