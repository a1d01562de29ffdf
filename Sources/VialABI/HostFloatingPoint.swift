// Owns: the floating-point state of the host's thread during a call: set aside, handed back as it
// was, sticky flags included.
// Must not: compute.

import VialCompute

/// What the host's thread computes with, set aside for the length of a call.
///
/// The runtime's own arithmetic must not trap where the host has unmasked exceptions, and no call
/// may leave a flag.
struct HostFloatingPoint {
  private let state: FloatingPointState

  /// Sets the host's state aside.
  static func setAside() -> HostFloatingPoint { HostFloatingPoint(state: .enterContract()) }

  /// Hands it back.
  func restore() { state.restore() }

  /// Runs `body`, the host's own code, with the host's state.
  func run<Result>(_ body: () -> Result) -> Result {
    restore()
    defer { _ = FloatingPointState.enterContract() }
    return body()
  }
}
