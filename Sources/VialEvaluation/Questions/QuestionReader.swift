// Owns: the formats of question sets, told apart by their keys, line by line.
// Must not: guess an answer. What is no question of a known format is an error.
//
//   lm-evaluation-harness   doc (any of the others), target, doc_id
//   PubMedQA                question or QUESTION, contexts or CONTEXTS or context.contexts,
//                           final_decision or answer
//   MedMCQA                 question, opa ... opd, cop, subject_name
//   MMLU                    question, choices [...], answer (index or letter), subject
//   MedQA                   question, options {"A": ...}, answer_idx or answer (letter or text)
//   MedQA, HF's "-hf" set   sent1, ending0 ... ending3, label
//   own                     id, question, options [...], answer (index, letter or text), category

import VialText

/// Turns JSON objects into questions.
struct QuestionReader {
  /// What MedMCQA's `cop` counts from.
  let copBase: Int

  /// The question of a line; nil when its answer is not published.
  func question(
    _ line: JSONValue, defaultID: String
  ) throws(QuestionError) -> Question? {
    guard line.object != nil else { throw QuestionError("not a JSON object") }
    var id = Self.identifier(line) ?? defaultID
    var source = line
    var target: JSONValue?
    if let document = line["doc"], document.object != nil {
      id = Self.identifier(document) ?? Self.name(line["doc_id"]).map { "doc \($0)" } ?? defaultID
      source = document
      target = line["target"]
    }
    guard let text = Self.text(source["question"] ?? source["QUESTION"] ?? source["sent1"]) else {
      throw QuestionError("there is no question")
    }
    let options = try Self.options(source)
    guard let answer = try answer(source, options, target: target) else { return nil }
    return Question(
      id: id, context: Self.context(source), text: text, options: options.texts, answer: answer,
      category: Self.category(source))
  }

  /// Options and, where the source names them, their keys.
  private typealias Options = (texts: [String], keys: [String])

  private static func options(_ source: JSONValue) throws(QuestionError) -> Options {
    var options: Options = ([], [])
    if let keys = optionKeys(source) {
      for key in keys {
        guard let text = text(source[key]) else { throw QuestionError("\(key) is missing") }
        options.texts.append(text)
      }
    } else if let members = source["options"]?.object?.members {
      for member in members.sorted(by: { $0.key.text < $1.key.text }) {
        guard let text = text(member.value) else { continue }
        options.texts.append(text)
        options.keys.append(member.key.text)
      }
    } else if let elements = (source["options"] ?? source["choices"])?.array {
      for element in elements {
        guard let text = Self.text(element["value"] ?? element) else {
          throw QuestionError("an option is not a text")
        }
        options.texts.append(text)
        if let key = Self.text(element["key"]) { options.keys.append(key) }
      }
    } else if isYesNoMaybe(source) {
      options.texts = ["yes", "no", "maybe"]
    } else {
      throw QuestionError("there are no options")
    }
    guard (2...Question.optionLimit).contains(options.texts.count) else {
      throw QuestionError("there must be 2 to \(Question.optionLimit) options")
    }
    return options
  }

  /// The keys of options that have one each.
  private static func optionKeys(_ source: JSONValue) -> [String]? {
    if source["opa"] != nil { return ["opa", "opb", "opc", "opd"] }
    guard source["ending0"] != nil else { return nil }
    return (0..<Question.optionLimit).map { "ending\($0)" }.filter { source[$0] != nil }
  }

  private static func isYesNoMaybe(_ source: JSONValue) -> Bool {
    source["final_decision"] != nil || source["CONTEXTS"] != nil || source["contexts"] != nil
  }

  /// The index of the right option; nil when it is not published.
  private func answer(
    _ source: JSONValue, _ options: Options, target: JSONValue?
  ) throws(QuestionError) -> Int? {
    if let cop = source["cop"]?.integer {
      if cop == -1 { return nil }
      let index = Int(clamping: cop).subtractingReportingOverflow(copBase).partialValue
      guard options.texts.indices.contains(index) else { throw Self.badAnswer }
      return index
    }
    let keys = ["answer_idx", "final_decision", "answer", "label"]
    guard let value = keys.lazy.compactMap({ source[$0] }).first(where: { !$0.isNull }) ?? target
    else { throw QuestionError("there is no answer") }
    if let index = value.integer {
      guard let index = Int(exactly: index), options.texts.indices.contains(index) else {
        throw Self.badAnswer
      }
      return index
    }
    guard let text = value.text else { throw Self.badAnswer }
    if let index = options.keys.firstIndex(of: text) { return index }
    if let index = options.texts.firstIndex(of: text) { return index }
    let trimmed = Self.trimmed(text)
    if let index = Question.index(ofLetter: trimmed, optionCount: options.texts.count) {
      return index
    }
    if let index = Int(trimmed), options.texts.indices.contains(index) { return index }
    guard let index = options.texts.firstIndex(where: { Self.trimmed($0) == trimmed }) else {
      throw Self.badAnswer
    }
    return index
  }

  private static let badAnswer = QuestionError("the answer is none of the options")

  private static func context(_ source: JSONValue) -> String {
    let value =
      source["contexts"] ?? source["CONTEXTS"] ?? source["context"]?["contexts"]
      ?? source["context"]
    if let text = value?.text { return trimmed(text) }
    return (value?.array ?? []).compactMap(\.text).map(trimmed).joined(separator: "\n")
  }

  private static func category(_ source: JSONValue) -> String {
    let keys = ["category", "subject", "subject_name", "meta_info", "meta"]
    return keys.lazy.compactMap { text(source[$0]) }.first ?? ""
  }

  private static func identifier(_ source: JSONValue) -> String? {
    ["id", "pmid", "pubid"].lazy.compactMap { name(source[$0]) }.first
  }

  /// A text or an integer.
  private static func name(_ value: JSONValue?) -> String? {
    value?.integer.map { String($0) } ?? text(value)
  }

  /// A text that is not blank, without white space at its ends.
  private static func text(_ value: JSONValue?) -> String? {
    guard let text = value?.text.map(trimmed), !text.isEmpty else { return nil }
    return text
  }

  static func trimmed(_ text: String) -> String {
    var rest = text[...]
    while let last = rest.last, last.isWhitespace { rest.removeLast() }
    return String(rest.drop { $0.isWhitespace })
  }
}
