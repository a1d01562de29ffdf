// Owns: "template" and "variables" of a batch's line.
// Must not: check values, which the template does, or quote a line in an error: it names the
// template's own variables.

import Vial
import VialEngine
import VialFormat
import VialSystem
import VialText

/// A prompt template with the values of one line.
struct BatchTemplate {
  private let template: PromptTemplate
  private let values: [(name: [UInt8], value: [UInt8])]

  /// nil when the line names no template.
  init?(_ line: JSONValue, model: Model) throws(BatchError) {
    let variables = BatchRequest.member(line, "variables")
    guard let name = BatchRequest.member(line, "template") else {
      if variables != nil { throw BatchError("\"variables\" needs \"template\"") }
      return nil
    }
    guard let id = name.string else { throw BatchError("\"template\" is no string") }
    template = try Self.template(id.text, model)
    guard let variables else {
      values = []
      return
    }
    guard case .object(let object) = variables else {
      throw BatchError("\"variables\" is no object")
    }
    var values: [(name: [UInt8], value: [UInt8])] = []
    for member in object.members {
      values.append((member.key.bytes, try Self.bytes(member.value)))
    }
    self.values = values
  }

  private static func template(_ id: String, _ model: Model) throws(BatchError) -> PromptTemplate {
    let known: [String]
    do throws(VialError) {
      if let template = try model.promptTemplate(id) { return template }
      known = try model.promptTemplates().map { $0.id }
    } catch { throw BatchError("\"template\": \(error)") }
    throw BatchError(
      "\"template\": the file has no such template; it has "
        + (known.isEmpty ? "none" : known.joined(separator: ", ")))
  }

  /// A string as it is; an integer in decimal; of a list of strings, an item a line.
  private static func bytes(_ value: JSONValue) throws(BatchError) -> [UInt8] {
    if let text = value.string { return text.bytes }
    if let integer = value.integer { return Array("\(integer)".utf8) }
    guard let list = value.array else {
      throw BatchError("a value of \"variables\" is a string, an integer or a list of strings")
    }
    var lines: [UInt8] = []
    for (index, item) in list.enumerated() {
      guard let text = item.string else {
        throw BatchError("a list in \"variables\" has an item that is no string")
      }
      if index > 0 { lines.append(0x0A) }
      lines += text.bytes
    }
    return lines
  }

  /// The template's own schema.
  var schema: [UInt8]? { template.schema.map { Array($0.utf8) } }

  /// What holds where the line says nothing.
  func options(over defaults: GenerationOptions, model: Model) -> GenerationOptions {
    var options = defaults
    options.sampling = model.sampling(of: template)
    if let limit = template.maximumTokens { options.maximumTokens = limit }
    if let stops = StopList(template) { options.stops = stops }
    options.maximumReasoningTokens = template.maximumReasoningTokens
    return options
  }

  /// The prompt's ids.
  func tokens(_ model: Model, prefill: SecureBuffer<UInt8>?) throws -> SecureBuffer<UInt32> {
    let byteCount = values.reduce(0) { $0 + $1.name.count + $1.value.count }
    guard let templateValues = TemplateValues(byteCount: byteCount) else {
      throw VialError.outOfMemory
    }
    for entry in values { templateValues.append(name: entry.name.span, value: entry.value.span) }
    do throws(VialError) {
      return try model.tokens(of: templateValues.render(template), prefill: prefill)
    } catch {
      guard case .template(let problem) = error else { throw error }
      throw BatchError("\"variables\": \(template.sentence(problem))")
    }
  }
}
