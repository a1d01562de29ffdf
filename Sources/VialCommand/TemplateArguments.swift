// Owns: --template and --set: a prompt template by its id, and values for its variables.
// Must not: check values; the template does.

import ArgumentParser
import Vial
import VialFormat
import VialSystem
import VialText

/// `NAME=VALUE`, or `NAME=@FILE` for a value that a file holds.
struct TemplateSetting: ExpressibleByArgument {
  let name: String
  let value: String

  init?(argument: String) {
    guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else { return nil }
    name = String(argument[..<sign])
    value = String(argument[argument.index(after: sign)...])
  }

  /// The value's bytes; those of a file byte for byte.
  func bytes() throws -> [UInt8] {
    guard value.first == "@" else { return Array(value.utf8) }
    return try FileReader(path: String(value.dropFirst()))
      .readAll(limit: PromptLimits.valueByteCount)
  }
}

/// Flags of the commands that render a template.
struct TemplateArguments: ParsableArguments {
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A value of the template; @FILE takes a file's text. A list has an item a line.",
      valueName: "name=value"))
  var settings: [TemplateSetting] = []

  /// The template with this id; the error lists what there is.
  static func template(_ id: String, in model: Model) throws -> PromptTemplate {
    if let template = try model.promptTemplate(id) { return template }
    let known = try model.promptTemplates().map { $0.id }
    throw CommandFailure(
      "no prompt template has the id \(FileInspection.printable(id)); "
        + (known.isEmpty ? "the file has none" : "the file has \(known.joined(separator: ", "))"))
  }

  /// The messages of a template with the values that were given.
  func messages(_ template: PromptTemplate) throws -> PromptMessages {
    let values = try settings.map { try $0.bytes() }
    let byteCount = values.reduce(0) { $0 + $1.count }
    let nameByteCount = settings.reduce(0) { $0 + $1.name.utf8.count }
    guard let room = TemplateValues(byteCount: byteCount + nameByteCount) else {
      throw VialError.outOfMemory
    }
    for index in values.indices {
      let name = Array(settings[index].name.utf8)
      let value = values[index]
      room.append(name: name.span, value: value.span)
    }
    do throws(VialError) {
      return try room.render(template)
    } catch {
      guard case .template(let problem) = error else { throw error }
      throw CommandFailure("template \(template.id): \(sentence(problem, template))")
    }
  }

  /// What is wrong, with names: variables are the template's text, and names of values the user's own.
  private func sentence(_ problem: PromptError, _ template: PromptTemplate) -> String {
    switch problem {
    case .unknownName(let value), .repeated(let value):
      let known = template.variables.map { $0.name }.joined(separator: ", ")
      return "\(FileInspection.printable(settings[value].name)): \(problem.what); it has \(known)"
    default: return template.sentence(problem)
    }
  }
}
