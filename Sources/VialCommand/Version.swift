// Owns: the versions that the command line reports.
// Must not: state a number of its own; each version comes from where it is defined.

import CVial
import VialCompute
import VialFormat
import VialSystem

/// Versions of the tool, the format and the arithmetic.
enum Version {
  static let tool = VIAL_VERSION_TEXT
  static let text =
    "vial \(tool) (format \(FormatConstants.majorVersion).\(FormatConstants.minorVersion),"
    + " arithmetic \(Arithmetic.version))"

  /// What the command was built from: the JSON object of `vial_build_info` (vial.h).
  static var json: String { String(cString: BuildInformation.text) }

  /// Whether the arguments are `--version --json`, in either order.
  static func isAskedAsJSON(_ arguments: ArraySlice<String>) -> Bool {
    arguments.count == 2 && Set(arguments) == ["--version", "--json"]
  }
}
