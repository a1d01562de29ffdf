// The fuzzer's door: one program for all targets; FUZZ_TARGET names the one to run.
// Built by Tests/Fuzz/build with libFuzzer and the address sanitizer.
import FuzzTargets
import Glibc

@_silgen_name("cost_begin") private func costBegin()
@_silgen_name("cost_end") private func costEnd(_ peak: UnsafeMutablePointer<Int64>?) -> Double
@_silgen_name("cost_report") private func costReport()

private let target: FuzzTarget = {
  guard let name = getenv("FUZZ_TARGET"), let target = FuzzTarget(rawValue: String(cString: name))
  else {
    fputs("FUZZ_TARGET must be one of: \(FuzzTarget.allCases.map(\.rawValue))\n", stderr)
    exit(2)
  }
  atexit { costReport() }
  target.prepare()
  return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let target = target
  let input = Array(UnsafeBufferPointer(start: start, count: count))
  costBegin()
  target.run(input)
  _ = costEnd(nil)
  return 0
}
