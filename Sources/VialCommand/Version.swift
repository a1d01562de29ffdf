// Owns: the versions that the command line reports.

import CVial
import VialCompute
import VialFormat

/// Versions of the tool, the format and the arithmetic.
enum Version {
  static let tool = VIAL_VERSION_TEXT
  static let text =
    "vial \(tool) (format \(FormatConstants.majorVersion).\(FormatConstants.minorVersion),"
    + " arithmetic \(Arithmetic.version))"
}
