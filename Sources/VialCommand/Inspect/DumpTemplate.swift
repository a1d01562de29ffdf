// Owns: one template in a dump: the chat template's source, or a prompt template.
// Must not: render a template.

import VialFormat
import VialText

/// A template's text.
struct TemplateDump {
  private enum Content {
    case chat(source: String)
    case prompt(PromptTemplate)
  }

  private let content: Content

  /// - Throws: `CommandFailure` when the file has no such template.
  init(_ file: VialFile, id: String, path: String) throws {
    do {
      content = try id == "chat" ? Self.chat(file, path) : Self.prompt(file, id, path)
    } catch let error as FormatError { throw CommandFailure("\(path): \(error)") }
  }

  private static func chat(_ file: VialFile, _ path: String) throws -> Content {
    guard let bytes = try file.text(.chatTemplateSource) else {
      throw CommandFailure("\(path): the file has no chat template")
    }
    return .chat(source: String(decoding: bytes.copied(), as: UTF8.self))
  }

  private static func prompt(_ file: VialFile, _ id: String, _ path: String) throws -> Content {
    let section = PromptTemplate.sectionID(of: id)
    guard let region = file.section(.promptTemplate, id: section) else {
      throw CommandFailure("\(path): no template has the id \(id)")
    }
    return .prompt(try PromptTemplate(copying: region, section: section))
  }

  /// The source, or all of a prompt template; standard output spells out their controls.
  func text() -> String {
    switch content {
    case .chat(let source): source + "\n"
    case .prompt(let template): TemplateDescription(template: template).text()
    }
  }

  /// One object and a line end.
  func json() -> String {
    switch content {
    case .chat(let source):
      var json = JSONOutput()
      json.object { json in
        json.member("id", "chat")
        json.member("source", source)
      }
      return json.text + "\n"
    case .prompt(let template): return TemplateDescription(template: template).json()
    }
  }
}
