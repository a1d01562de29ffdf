// Owns: `vial eval --template`: a question as the value of a prompt template's variable.
// Must not: change the words of a question.

import Vial
import VialEvaluation
import VialFormat
import VialSystem
import VialText

/// A prompt template that questions are put through, with values for its other variables.
struct EvalTemplate: QuestionFrame, CustomStringConvertible {
  private let template: PromptTemplate
  private let variable: String
  private let values: [(name: String, value: [UInt8])]
  private let digest: String

  init(_ id: String, _ arguments: TemplateArguments, in model: Model) throws {
    template = try TemplateArguments.template(id, in: model)
    let section = model.file.sectionTable.find(
      .promptTemplate, id: PromptTemplate.sectionID(of: id))
    digest = section.map { $0.digest.description } ?? ""
    values = try arguments.values()
    variable = try Self.variable(of: template, besides: values.map(\.name))
  }

  /// The variable `question`, else the only required one that has no value.
  private static func variable(of template: PromptTemplate, besides set: [String]) throws -> String
  {
    let texts = template.variables.filter { $0.kind == .text && !set.contains($0.name) }
    if let question = texts.first(where: { $0.name == "question" }) { return question.name }
    let open = template.variables.filter { $0.isRequired && !set.contains($0.name) }
    guard open.count == 1, texts.contains(where: { $0.name == open[0].name }) else {
      throw CommandFailure(
        "template \(template.id) has no variable for a question: neither 'question' nor one required text that "
          + "--set and --set-file leave open")
    }
    return open[0].name
  }

  /// What a results file says of it.
  var description: String { "\(template.id) \(template.version)" }

  /// Everything that it adds to a question, for digests.
  var identity: String {
    let set = values.map { "\($0.name)=\(String(decoding: $0.value, as: UTF8.self))" }
    return ([digest] + set).joined(separator: "\u{0}")
  }

  /// The prompt's ids.
  func tokens(_ question: [UInt8], _ model: Model) throws -> SecureBuffer<UInt32> {
    let byteCount = values.reduce(question.count + variable.utf8.count) {
      $0 + $1.name.utf8.count + $1.value.count
    }
    guard let templateValues = TemplateValues(byteCount: byteCount) else {
      throw VialError.outOfMemory
    }
    for entry in values + [(variable, question)] {
      let name = Array(entry.name.utf8)
      let value = entry.value
      templateValues.append(name: name.span, value: value.span)
    }
    return try model.tokens(of: try templateValues.render(template))
  }
}
