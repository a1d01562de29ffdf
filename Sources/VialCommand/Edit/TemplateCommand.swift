// Owns: `vial template`: the prompt templates of a file.
// Must not: parse or render; VialPacking and VialText do.

import ArgumentParser
import Vial
import VialFormat
import VialModel
import VialPacking
import VialSystem
import VialText

/// `vial template list|show|render|add|remove|check`.
struct TemplateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "template",
    abstract: "List, show, render, add, remove and check prompt templates.",
    discussion: """
      A prompt template is a task's prompt with typed variables, carried in the file (Spec/TEMPLATES.md). Values are \
      data: whatever text they hold, it never becomes a special token or a tag. FILE is a .vial file (default: the \
      demonstration model); TEMPLATE is a text file with a front matter.
      """,
    subcommands: [
      TemplateListCommand.self, TemplateShowCommand.self, TemplateRenderCommand.self,
      TemplateAddCommand.self, TemplateRemoveCommand.self, TemplateCheckCommand.self,
    ])
}

/// `vial template list [FILE]`.
struct TemplateListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "List the prompt templates of a file.")

  @Argument(help: "The .vial file (default: the demonstration model).")
  var file: String?

  @Flag(help: "One JSON array on stdout.")
  var json = false

  func run() throws {
    try CommandFailure.wrap {
      let templates = try Model.opened(try file ?? DemoModel.path()).promptTemplates()
      guard json else { return try StandardOutput.write(Self.table(templates).text(indent: 0)) }
      var output = JSONOutput()
      output.array { output in
        for template in templates {
          output.object { TemplateDescription(template: template).members(&$0) }
        }
      }
      try StandardOutput.write(output.text + "\n")
    }
  }

  private static func table(_ templates: [PromptTemplate]) -> TextTable {
    var table = TextTable(
      [.left, .left, .left, .left, .left, .left],
      header: ["id", "version", "task", "language", "answer", "title"])
    for template in templates {
      table.add([
        template.id, template.version, template.task, template.language,
        template.schema == nil ? "text" : "JSON", template.title ?? "",
      ])
    }
    return table
  }
}

/// `vial template show ID [FILE]`.
struct TemplateShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Show one template: variables, limits, texts and schema.")

  @Argument(help: "The template's id.")
  var id: String

  @Argument(help: "The .vial file (default: the demonstration model).")
  var file: String?

  @Flag(help: "One JSON object on stdout.")
  var json = false

  func run() throws {
    try CommandFailure.wrap {
      let model = try Model.opened(try file ?? DemoModel.path())
      let description = TemplateDescription(template: try TemplateArguments.template(id, in: model))
      try StandardOutput.write(json ? description.json() : description.text())
    }
  }
}

/// `vial template render ID [FILE] --set NAME=VALUE...`.
struct TemplateRenderCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "render",
    abstract: "Render a template with values, without asking the model.",
    discussion: """
      Prints the system message and the user's message; with --json also the ids of the whole prompt, as the file's \
      chat template frames it.
      """)

  @Argument(help: "The template's id.")
  var id: String

  @Argument(help: "The .vial file (default: the demonstration model).")
  var file: String?

  @OptionGroup var values: TemplateArguments

  @Flag(help: "One JSON object on stdout.")
  var json = false

  func run() throws {
    try CommandFailure.wrap {
      let model = try Model.opened(try file ?? DemoModel.path())
      let messages = try values.messages(try TemplateArguments.template(id, in: model))
      let bytes = Array(
        UnsafeBufferPointer(start: messages.text.pointer, count: messages.text.count))
      let system = String(decoding: bytes[..<messages.systemByteCount], as: UTF8.self)
      let user = String(decoding: bytes[messages.systemByteCount...], as: UTF8.self)
      guard json else {
        let head = system.isEmpty ? "" : "# system\n" + system + "\n\n"
        return try StandardOutput.write(head + "# user\n" + user + "\n")
      }
      var output = JSONOutput()
      let tokens = try model.tokens(of: messages)
      output.object { output in
        output.member("id", id)
        output.member("system", system)
        output.member("user", user)
        output.member("tokens", ids: tokens.span)
      }
      try StandardOutput.write(output.text + "\n")
    }
  }
}

/// `vial template add FILE TEMPLATE`.
struct TemplateAddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Add templates to a file, or replace those with their ids.",
    discussion: """
      All are added, or none; what `vial template check` finds wrong with them is a warning. The file changes in place; a kill at any moment leaves it as it was or with them. The model digest stays, \
      signatures become stale.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Argument(help: "Template files.")
  var templates: [String]

  func run() throws {
    try CommandFailure.wrap {
      let sources = try templates.map { path in
        try PromptTemplateFile(FileReader(path: path).readAll(limit: 1 << 20), name: path)
      }
      do {
        let editor = try FileEditor(path: file)
        var appender = try FileAppender(editor.descriptor)
        for source in sources {
          try appender.remove(.promptTemplate, id: source.sectionID)
          try appender.add(
            .promptTemplate, id: source.sectionID, ByteRegion(copying: source.section))
        }
        try editor.apply(try appender.plan())
      } catch { throw CommandFailure(FileInspection.line(error, path: file)) }
      for source in sources {
        for finding in source.findings {
          StandardError.write("warning: \(source.template.id): \(finding)")
        }
        StandardError.write(
          "added \(source.template.id) \(source.template.version)")
      }
    }
  }
}

/// `vial template remove FILE ID`.
struct TemplateRemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove", abstract: "Remove a template from a file, in place.")

  @Argument(help: "The .vial file.")
  var file: String

  @Argument(help: "The template's id.")
  var id: String

  func run() throws {
    do {
      let editor = try FileEditor(path: file)
      var appender = try FileAppender(editor.descriptor)
      let section = PromptTemplate.sectionID(of: id)
      guard editor.descriptor.sectionTable.find(.promptTemplate, id: section) != nil else {
        throw CommandFailure(
          "\(file): no prompt template has the id \(id)")
      }
      try appender.remove(.promptTemplate, id: section)
      try editor.apply(try appender.plan())
      StandardError.write("removed \(id)")
    } catch let failure as CommandFailure {
      throw failure
    } catch { throw CommandFailure(FileInspection.line(error, path: file)) }
  }
}

/// `vial template check TEMPLATE...`.
struct TemplateCheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check",
    abstract: "Check template files without packing them.",
    discussion:
      """
      Says what is wrong with each, with the number of the line; exits with 1 when anything is. Wrong is also what a \
      reader takes and answers suffer from: a template with a schema that never says JSON, a \
      text or a list outside of a fence, a range without a unit.
      """)

  @Argument(help: "Template files.")
  var templates: [String]

  func run() throws {
    var hasFailed = false
    for path in templates {
      do {
        let bytes = try FileReader(path: path).readAll(limit: 1 << 20)
        let source = try PromptTemplateFile(bytes, name: path)
        let template = source.template
        for (name, clause) in [
          ("red flags", template.redFlags), ("when you do not know", template.unknown),
        ] where clause == nil {
          StandardError.write("warning: \(path): no '# \(name)'")
        }
        if let schema = template.schema {
          for warning in UnkeptFormats.warnings(
            try Grammar(schema: Array(schema.utf8)).unkeptFormats)
          {
            StandardError.write("\(path): \(warning)")
          }
        }
        let findings = source.findings
        for finding in findings {
          StandardError.write("\(finding.isError ? "error" : "warning"): \(path): \(finding)")
        }
        guard !findings.contains(where: \.isError) else {
          hasFailed = true
          continue
        }
        try StandardOutput.write("\(TerminalText.line(path)): \(template.id), in order\n")
      } catch {
        hasFailed = true
        StandardError.write("error: \(error)")
      }
    }
    if hasFailed { throw ExitCode(1) }
  }
}
