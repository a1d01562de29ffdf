// Owns: `vial adapter`: its subcommands' arguments → library calls → exit codes.
// Must not: know how adapters are read or where sections go.

import ArgumentParser
import VialFormat
import VialModel
import VialPacking
import VialSystem

/// `vial adapter add|list|remove|extract`.
struct AdapterCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "adapter",
    abstract: "Add, list, remove or take out the LoRA adapters of a .vial file.",
    discussion: """
      Adding and removing change the file in place without rewriting the weights: a kill at any moment leaves the \
      file as it was or changed. The model digest stays; the file digest changes, which makes signatures stale.
      """,
    subcommands: [
      AdapterAddCommand.self, AdapterListCommand.self, AdapterRemoveCommand.self,
      AdapterExtractCommand.self,
    ])

  /// Runs `body`; a failure becomes one line, with the file's name for a broken rule.
  static func wrap(_ file: String, _ body: () throws -> Void) throws {
    do { try body() } catch let failure as CommandFailure { throw failure } catch {
      throw CommandFailure(FileInspection.line(error, path: file))
    }
  }
}

/// `vial adapter add FILE SOURCE...`.
struct AdapterAddCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "add",
    abstract: "Add adapters to a .vial file.",
    discussion: """
      A source is NAME=FOLDER, with a LoRA adapter of PEFT (adapter_config.json, adapter_model.safetensors) or of \
      mlx-lm (adapter_config.json, adapters.safetensors), or a file of vial adapter extract, which has its name and \
      the digest of its base inside and is refused on another base. A and B keep their number type. All sources are \
      added, or none.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Argument(help: ArgumentHelp("NAME=FOLDER, or a file of adapters.", valueName: "source"))
  var sources: [String]

  func run() throws {
    try AdapterCommand.wrap(file) {
      let editor = try FileEditor(path: file)
      var appender = try FileAppender(editor.descriptor)
      var added = Set<UInt64>()
      var names: [String] = []
      for adapter in try adapters(for: editor.descriptor) {
        let isNew =
          editor.descriptor.sectionTable.find(.adapter, id: adapter.id) == nil
          && added.insert(adapter.id).inserted
        guard isNew else {
          throw CommandFailure(
            "\(file): an adapter is called \(adapter.name) already; remove it first, or choose another name"
          )
        }
        try appender.add(.adapter, id: adapter.id, adapter.bytes)
        for warning in adapter.warnings { StandardError.write("warning: \(warning)") }
        names.append(adapter.name)
      }
      try editor.apply(try appender.plan())
      StandardError.write("added \(names.joined(separator: ", ")) to \(file)")
    }
  }

  private func adapters(for descriptor: VialFile) throws -> [AdapterImport] {
    try sources.flatMap { source in
      if AdapterImport.isFile(source) {
        return try AdapterImport.file(source, base: descriptor)
      }
      guard let folder = AdapterFolder(argument: source) else {
        throw CommandFailure(
          "\(source): give NAME=FOLDER or a file of adapters", code: 2)
      }
      do {
        return [
          try AdapterImport.folder(folder.path, name: folder.name, base: descriptor)
        ]
      } catch { throw CommandFailure("adapter \(folder.name): \(error)") }
    }
  }
}

/// `vial adapter remove FILE NAME...`.
struct AdapterRemoveCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "remove",
    abstract: "Remove adapters from a .vial file.",
    discussion: "Their bytes become free space, which vial compact drops.")

  @Argument(help: "The .vial file.")
  var file: String

  @Argument(help: ArgumentHelp("Names of adapters.", valueName: "name"))
  var names: [String]

  func run() throws {
    try AdapterCommand.wrap(file) {
      let editor = try FileEditor(path: file)
      var appender = try FileAppender(editor.descriptor)
      for name in names {
        guard try appender.remove(.adapter, id: AdapterDescriptor.sectionID(ofName: name)) else {
          throw AdapterChoice.unknown(name, of: AdapterNames.of(editor.descriptor))
        }
      }
      try editor.apply(try appender.plan())
      StandardError.write("removed \(names.joined(separator: ", ")) from \(file)")
    }
  }
}

/// `vial adapter extract FILE NAME -o OUT`.
struct AdapterExtractCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "extract",
    abstract: "Write one adapter into a file of its own.",
    discussion: """
      The file names the digest of its base, so that vial adapter add can refuse it on another one. The adapter's \
      bytes stay as they are. The file appears when it is complete; a link is followed, a file that is replaced keeps \
      its permissions, and a second writer of the same file is refused.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Argument(help: "The adapter's name.")
  var name: String

  @Option(
    name: [.customShort("o"), .long], help: "The file to write; an existing one is replaced.")
  var output: String

  func run() throws {
    try AdapterCommand.wrap(file) {
      let descriptor = try FileInspection.open(file)
      let id = AdapterDescriptor.sectionID(ofName: name)
      guard let section = descriptor.sectionTable.find(.adapter, id: id),
        let bytes = descriptor.storedBytes(of: section)
      else { throw AdapterChoice.unknown(name, of: AdapterNames.of(descriptor)) }
      try descriptor.checkDigest(of: section)
      guard let adapter = try descriptor.adapter(in: section) else { return }
      try adapter.check(base: descriptor)
      SignalTrap.install()
      do {
        try FileAdapterWriter.write(
          bytes, id: id, to: output, shouldStop: { SignalTrap.signalNumber != nil })
      } catch is FileAdapterWriter.Stopped {
        throw CommandFailure(
          "stopped; nothing was written", code: 128 + (SignalTrap.signalNumber ?? 2))
      }
      StandardError.write("wrote \(name) into \(output)")
    }
  }
}

/// Names of the adapters of a file that can be read.
enum AdapterNames {
  static func of(_ file: VialFile) -> [String] {
    file.sections.compactMap { section in (try? file.adapter(in: section))?.name }.sorted()
  }
}
