// Owns: where the demonstration model lies: beside the command, or in the installation's share
// folder.
// Must not: search anywhere else; no environment variable moves it.

import VialSystem

/// The model that the project carries.
enum DemoModel {
  /// What every use of it says on stderr.
  static let notice = "demonstration, not for clinical use"

  /// Its path.
  static func path() throws -> String {
    guard let folder = RunningProgram.folder else {
      throw CommandFailure("cannot find the folder of this program; name a .vial file")
    }
    let candidates = [
      folder + "/Vial_VialCommand.resources/demo.vial", folder + "/../share/vial/demo.vial",
    ]
    for path in candidates where RunningProgram.canRead(path) { return path }
    throw CommandFailure(
      "the demonstration model is not installed (\(candidates[0])); name a .vial file")
  }
}
