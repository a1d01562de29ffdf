// Owns: the versions that the command line reports.

import VialCompute
import VialFormat

/// Versions of the tool, the format and the arithmetic.
enum Version {
  static let tool = "0.1.0"
  static let text =
    "vial \(tool) (format \(FormatConstants.majorVersion).\(FormatConstants.minorVersion),"
    + " arithmetic \(Arithmetic.version))"
}
