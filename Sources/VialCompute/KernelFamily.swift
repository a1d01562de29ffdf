// Owns: the choice of an ISA family and the floating-point state around a computation.
// Must not: compute anything itself; every bit comes from CVialKernels (Spec/ARITHMETIC.md).

public import CVialKernels

/// The kernels of one instruction-set family. All families give the same bits.
///
/// What it computes is in its extensions: products, rows, attention, sampling. Sizes and ranges
/// are the caller's promise, and so is the contract's floating-point state (`withContractState`).
public struct KernelFamily: @unchecked Sendable {
  /// The constant dispatch table.
  @usableFromInline let table: UnsafePointer<vial_kernels>

  /// The family's name, as `--isa` takes it: `reference`, `avx2`, `avx512vnni`, `neon_dotprod`,
  /// `neon_i8mm`.
  public var name: String { String(cString: table.pointee.name) }

  /// The same as a C string that is never freed.
  public var staticName: UnsafePointer<CChar> { table.pointee.name }

  /// The family of that name, or nil when this CPU cannot run it.
  public init?(named name: String) {
    guard let table = vial_kernels_find(name) else { return nil }
    self.table = table
  }

  /// The family at `index` of `available`, or nil past its end. Allocates nothing.
  public init?(at index: Int) {
    guard let table = vial_kernels_list(index) else { return nil }
    self.table = table
  }

  /// Every family that this CPU can run, fastest first; never empty, because `reference` runs
  /// everywhere.
  public static var available: [KernelFamily] {
    var families: [KernelFamily] = []
    while let family = KernelFamily(at: families.count) { families.append(family) }
    return families
  }

  /// Runs `body` with the contract's floating-point state and restores the thread's own afterwards.
  @inlinable
  public static func withContractState<Result>(_ body: () -> Result) -> Result {
    let before = FloatingPointState.enterContract()
    defer { before.restore() }
    return body()
  }
}

/// The floating-point control state of a thread: rounding, denormals, masked exceptions, flags.
public struct FloatingPointState: Sendable {
  @usableFromInline let state: vial_fp_state

  @usableFromInline init(_ state: vial_fp_state) { self.state = state }

  /// Sets the contract's state on the calling thread; returns what was there.
  @inlinable
  public static func enterContract() -> FloatingPointState { FloatingPointState(vial_fp_enter()) }

  /// Puts this state back, on the thread that it came from.
  @inlinable
  public func restore() { vial_fp_leave(state) }
}

/// The arithmetic contract.
public enum Arithmetic {
  /// Its number (Spec/ARITHMETIC.md): a change of any bit of an answer is a new one.
  public static let version = Int(VIAL_ARITHMETIC_VERSION)
}
