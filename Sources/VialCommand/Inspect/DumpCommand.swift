// Owns: `vial dump`: what is in a file, for people and for programs.
// Must not: run the model, or print control characters from a file to a terminal.

import ArgumentParser
import VialFormat

/// `vial dump FILE [--json] [--tensors] [--tensor NAME] [--template ID]`.
struct DumpCommand: CheckedCommand {
  static let configuration = CommandConfiguration(
    commandName: "dump",
    abstract: "Show what a .vial file holds.",
    discussion: """
      Identity, roots, digests, sections, configuration, parameters, tokenizer, templates and provenance. \
      Weights are not read, and digests of sections are not checked: see vial verify.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Flag(help: "One JSON object on stdout.")
  var json = false

  @Flag(help: "List every tensor.")
  var tensors = false

  @Option(help: ArgumentHelp("Show one tensor and its first values.", valueName: "name"))
  var tensor: String?

  @Option(help: ArgumentHelp("Show one template; the chat template is \"chat\".", valueName: "id"))
  var template: String?

  func check() throws {
    if [tensors, tensor != nil, template != nil].filter({ $0 }).count > 1 {
      throw ValidationError("give at most one of --tensors, --tensor and --template")
    }
  }

  func run() throws {
    try CommandFailure.wrap {
      let descriptor = try FileInspection.open(file)
      if let tensor {
        guard let found = descriptor.tensors.find(tensor) else {
          throw CommandFailure("\(file): no tensor has this name (see --tensors)")
        }
        let dump = TensorDump(found)
        return try StandardOutput.write(json ? dump.json() : dump.text())
      }
      if let template {
        let dump = try TemplateDump(descriptor, id: template, path: file)
        return try StandardOutput.write(json ? dump.json() : dump.text())
      }
      let contents = try FileContents(descriptor, path: file)
      try StandardOutput.write(
        json
          ? DumpJSON(contents).text(listsTensors: tensors)
          : DumpText(contents).text(listsTensors: tensors))
    }
  }
}
