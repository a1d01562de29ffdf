// Owns: what work with a patient's text leaves in a thread's registers and in the dead part of its
// stack: it goes.
// Must not: touch what a caller still needs.

internal import CVialSystem

/// Traces of work that is over.
package enum Traces {
  /// Bytes of stack that reading, rendering and encoding a text use, as far as they hold some of
  /// it.
  package static let textStackByteCount = 16 << 10

  /// Zeros in the vector registers, and in so many bytes of stack below the caller's.
  @inline(never)
  package static func wipe(stackByteCount: Int = 0) {
    if stackByteCount > 0 { vial_wipe_stack(stackByteCount) }
    vial_clear_registers()
  }
}
