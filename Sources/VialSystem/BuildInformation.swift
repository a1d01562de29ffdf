// Owns: access to what this build consists of.
// Must not: compute it; the text is static.

import CVialSystem

/// What the program was built from.
package enum BuildInformation {
  /// A JSON object, as `vial_build_info` of vial.h describes it; ASCII, ends with a zero, lives as
  /// long as the program.
  package static var text: UnsafePointer<CChar> { vial_system_build_info() }
}
