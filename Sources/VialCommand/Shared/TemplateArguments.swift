// Owns: --template, --set and --set-file: a prompt template by its id, and values for its
// variables.
// Must not: check values; the template does.

import ArgumentParser
import Vial
import VialFormat
import VialSystem
import VialText

/// `NAME=VALUE`: a value as it stands.
struct TemplateSetting: ExpressibleByArgument {
  let name: String
  let value: String

  init?(argument: String) {
    guard let sign = argument.firstIndex(of: "="), sign != argument.startIndex else { return nil }
    name = String(argument[..<sign])
    value = String(argument[argument.index(after: sign)...])
  }

  /// The value's bytes.
  var bytes: [UInt8] {
    if value.first == "@" {
      // Until version 0.2 such a value was a file's name. The value may be a patient's text.
      StandardError.write(
        "warning: --set \(name): the value begins with @ and is taken as it stands; "
          + "--set-file \(name)=PATH takes a file's text")
    }
    return Array(value.utf8)
  }
}

/// `NAME=PATH`: a value that a file holds.
struct TemplateFileSetting: ExpressibleByArgument {
  let name: String
  let path: String

  init?(argument: String) {
    guard let setting = TemplateSetting(argument: argument), !setting.value.isEmpty else {
      return nil
    }
    (name, path) = (setting.name, setting.value)
  }

  /// The file's bytes, one by one.
  func bytes() throws -> [UInt8] {
    try FileReader(path: path).readAll(limit: PromptLimits.valueByteCount)
  }
}

/// Flags of the commands that render a template.
struct TemplateArguments: ParsableArguments {
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "A value of the template, as it stands. A list has an item a line.",
      valueName: "name=value"))
  var settings: [TemplateSetting] = []

  @Option(
    name: .customLong("set-file"),
    help: ArgumentHelp(
      "A value of the template: a file's text, byte for byte.", valueName: "name=path"))
  var fileSettings: [TemplateFileSetting] = []

  /// Whether no value was given.
  var isEmpty: Bool { settings.isEmpty && fileSettings.isEmpty }

  /// The values in the order that errors count them: those of --set, then those of --set-file.
  func values() throws -> [(name: String, value: [UInt8])] {
    settings.map { ($0.name, $0.bytes) } + (try fileSettings.map { ($0.name, try $0.bytes()) })
  }

  /// The template with this id; the error lists what there is.
  static func template(_ id: String, in model: Model) throws -> PromptTemplate {
    if let template = try model.promptTemplate(id) { return template }
    let known = try model.promptTemplates().map { $0.id }
    throw CommandFailure(
      "no prompt template has the id \(id); "
        + (known.isEmpty ? "the file has none" : "the file has \(known.joined(separator: ", "))"))
  }

  /// The messages of a template with the values that were given.
  func messages(_ template: PromptTemplate) throws -> PromptMessages {
    let values = try values()
    let byteCount = values.reduce(0) { $0 + $1.name.utf8.count + $1.value.count }
    guard let templateValues = TemplateValues(byteCount: byteCount) else {
      throw VialError.outOfMemory
    }
    for entry in values {
      let name = Array(entry.name.utf8)
      templateValues.append(name: name.span, value: entry.value.span)
    }
    do throws(VialError) {
      return try templateValues.render(template)
    } catch {
      guard case .template(let problem) = error else { throw error }
      let sentence = Self.sentence(problem, template, values.map(\.name))
      throw CommandFailure("template \(template.id): \(sentence)")
    }
  }

  /// What is wrong, with names: variables are the template's text, and names of values the user's
  /// own.
  private static func sentence(
    _ problem: PromptError, _ template: PromptTemplate, _ names: [String]
  ) -> String {
    switch problem {
    case .unknownName(let value), .repeated(let value):
      let known = template.variables.map { $0.name }.joined(separator: ", ")
      return "\(names[value]): \(problem.what); it has \(known)"
    default: return template.sentence(problem)
    }
  }
}
