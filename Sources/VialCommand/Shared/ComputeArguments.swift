// Owns: the flags of every command that computes: --kv, --threads, --isa.
// Must not: compute.

public import ArgumentParser
import Vial
public import VialCompute

/// Flags that choose how to compute. Only --kv can change a result.
struct ComputeArguments: ParsableArguments {
  @Option(help: "Number type of the KV cache: f32, f16 or int8.")
  var kv: KVCacheType = .f16

  @Option(
    parsing: .unconditional,
    help:
      "Threads, \(OptionRange.threads.text) (default: the processors that this process may use).")
  var threads: Int?

  @Option(
    help: """
      Instruction-set family, such as avx2 or reference (default: the fastest that this CPU runs).
      """)
  var isa: String?

  /// Refuses values that are out of range.
  func check() throws {
    try OptionRange.threads.check(threads)
    try Self.check(isa: isa)
  }

  /// A family that this CPU cannot run is bad usage.
  static func check(isa: String?) throws {
    guard let isa, KernelFamily(named: isa) == nil else { return }
    let names = KernelFamily.available.map(\.name).joined(separator: ", ")
    throw ValidationError("--isa must be one of: \(names)")
  }

  /// What the library takes.
  var options: ComputeOptions {
    ComputeOptions(
      cacheType: kv, threadCount: threads, family: isa.flatMap(KernelFamily.init(named:)))
  }
}

extension KVCacheType: ExpressibleByArgument {}
