// Owns: `--adapter NAME[:SCALE]`: reading it, finding the adapter, and the line for a name that the
// file does not have.
// Must not: compute.

import ArgumentParser
import Vial
import VialFormat
import VialModel

/// An adapter as the command line names it.
struct AdapterChoice: ExpressibleByArgument {
  let name: String
  /// What its scales are multiplied by.
  let scale: Float

  /// `NAME` or `NAME:SCALE`; names that `vial` gives have no colon.
  init?(argument: String) {
    guard let colon = argument.lastIndex(of: ":") else {
      (name, scale) = (argument, 1)
      if name.isEmpty { return nil }
      return
    }
    guard let scale = Float(argument[argument.index(after: colon)...]), scale.isFinite else {
      return nil
    }
    name = String(argument[..<colon])
    self.scale = scale
    if name.isEmpty { return nil }
  }

  /// Refuses a factor that is out of range.
  func check() throws {
    let limit = Model.adapterScaleLimit
    guard (-limit...limit).contains(scale) else {
      throw ValidationError("an adapter's scale must be from \(Int(-limit)) to \(Int(limit))")
    }
  }

  /// The model's adapter.
  func applied(in model: Model) throws -> AppliedAdapter {
    do throws(VialError) {
      return try model.adapter(named: name, scale: scale)
    } catch {
      if case .unknownAdapter = error { throw Self.unknown(name, of: model.adapters.map(\.name)) }
      throw error
    }
  }

  /// One line that lists the names that there are.
  static func unknown(_ name: String, of names: [String]) -> CommandFailure {
    let known = names.isEmpty ? "none" : names.joined(separator: ", ")
    return CommandFailure(
      "no adapter is called \(name); the file has: \(known)")
  }
}

/// The flag of commands that use one adapter.
struct AdapterArguments: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "An adapter of the file, and what its effect is multiplied by, -100 to 100 (default: 1).",
      valueName: "name[:scale]"))
  var adapter: AdapterChoice?

  /// Refuses a factor that is out of range.
  func check() throws { try adapter?.check() }

  /// The model's adapter, if one was named.
  func applied(in model: Model) throws -> AppliedAdapter? {
    try adapter.map { try $0.applied(in: model) }
  }
}
