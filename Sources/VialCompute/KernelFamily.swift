// Owns: the choice of an ISA family and the floating-point state around a computation.
// Must not: compute anything itself; every bit comes from CVialKernels (Spec/ARITHMETIC.md).

public import CVialKernels

/// The kernels of one instruction-set family. All families give the same bits.
public struct KernelFamily: @unchecked Sendable {
  /// The constant dispatch table.
  public let table: UnsafePointer<vial_kernels>

  /// The family's name, as `--isa` takes it: `reference`, `avx2`, `avx512vnni`, `neon_dotprod`, `neon_i8mm`.
  public var name: String { String(cString: table.pointee.name) }

  /// The family of that name, or nil when this CPU cannot run it.
  public init?(named name: String) {
    guard let table = vial_kernels_find(name) else { return nil }
    self.table = table
  }

  private init(table: UnsafePointer<vial_kernels>) { self.table = table }

  /// Every family that this CPU can run, fastest first; never empty, because `reference` runs everywhere.
  public static var available: [KernelFamily] {
    var families: [KernelFamily] = []
    while let table = vial_kernels_list(families.count) {
      families.append(KernelFamily(table: table))
    }
    return families
  }

  /// Runs `body` with the contract's floating-point state and restores the thread's own afterwards.
  @inlinable
  public static func withContractState<Result>(_ body: () -> Result) -> Result {
    let before = vial_fp_enter()
    defer { vial_fp_leave(before) }
    return body()
  }
}

/// The arithmetic contract.
public enum Arithmetic {
  /// Its number (Spec/ARITHMETIC.md): a change of any bit of an answer is a new one.
  public static let version = Int(VIAL_ARITHMETIC_VERSION)
}
