// Owns: `vial adapter list`, and how an adapter is shown there and in a dump.
// Must not: read A and B of a model's file.

import ArgumentParser
import VialFormat
import VialModel
import VialPacking
import VialSystem

/// `vial adapter list FILE`.
struct AdapterListCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "list",
    abstract: "Show the adapters of a .vial file.",
    discussion: """
      FILE is a model or a file of vial adapter extract; the latter is read whole and checked. Exit code 1 when an \
      adapter cannot be used.
      """)

  @Argument(help: "The .vial file.")
  var file: String

  @Flag(help: "One JSON object on stdout.")
  var json = false

  func run() throws {
    try AdapterCommand.wrap(file) {
      let lines = try adapters()
      if json {
        var output = JSONOutput()
        output.object {
          $0.key("adapters")
          AdapterLine.write(lines, to: &$0)
        }
        try StandardOutput.write(output.text + "\n")
      } else {
        try StandardOutput.write(AdapterLine.table(lines).text(indent: 0))
      }
      if lines.contains(where: { $0.problem != nil }) { throw ExitCode(1) }
    }
  }

  private func adapters() throws -> [AdapterLine] {
    let mapped = try MappedFile(path: file, access: .mapped)
    let bytes = ByteRegion(owner: mapped, start: mapped.base, byteCount: mapped.byteCount)
    guard AdapterFile.isOne(bytes) else {
      return AdapterLine.lines(of: try FileInspection.open(file))
    }
    return try AdapterFile(bytes).adapters.map { AdapterLine(section: $0.section, adapter: $0) }
  }
}

/// One adapter, or a section that is none.
struct AdapterLine {
  let section: SectionDescriptor
  var adapter: AdapterDescriptor?
  /// Why it cannot be used with the model of its file.
  var problem: FormatError?

  init(section: SectionDescriptor, adapter: AdapterDescriptor?, problem: FormatError? = nil) {
    self.section = section
    self.adapter = adapter
    self.problem = problem
  }

  /// Those of a model's file, in file order.
  static func lines(of file: VialFile) -> [AdapterLine] {
    file.sections.filter { $0.kind == .adapter }.map { section in
      var line = AdapterLine(section: section, adapter: nil)
      do throws(FormatError) {
        line.adapter = try file.adapter(in: section)
        try line.adapter?.check(base: file)
      } catch { line.problem = error }
      return line
    }
  }

  /// Names of the changed matrices inside a layer, such as `q_proj`, each once.
  private var modules: [String] {
    var names: [String] = []
    for target in adapter?.targets ?? [] {
      let fields = target.name.split(separator: ".")
      let name = String(fields.dropLast().last ?? fields[0])
      if !names.contains(name) { names.append(name) }
    }
    return names.sorted()
  }

  private var encodings: [String] {
    var names: [String] = []
    for name in (adapter?.targets ?? []).map(\.encoding.name) where !names.contains(name) {
      names.append(name)
    }
    return names
  }

  private var alphas: [Double] { Set((adapter?.targets ?? []).map(\.alpha)).sorted() }

  /// A table for people.
  static func table(_ lines: [AdapterLine]) -> TextTable {
    var table = TextTable(
      [.left, .right, .left, .right, .left, .right, .right, .left],
      header: ["name", "rank", "alpha", "targets", "in", "parameters", "bytes", "digest"])
    for line in lines {
      guard let adapter = line.adapter else {
        table.add(["?", "", line.problem?.description ?? ""])
        continue
      }
      table.add([
        adapter.name, String(adapter.rank),
        line.alphas.map(\.description).joined(separator: "+")
          + (adapter.isRankStabilised ? " rsLoRA" : ""),
        String(adapter.targets.count),
        line.modules.joined(separator: " "),
        ByteText.grouped(adapter.parameterCount), ByteText.grouped(line.section.storedByteCount),
        String(line.section.digest.description.prefix(16))
          + (line.problem.map { "  cannot be used: \($0)" } ?? ""),
      ])
    }
    if lines.isEmpty { table.add(["none"]) }
    return table
  }

  /// A JSON array of objects.
  static func write(_ lines: [AdapterLine], to output: inout JSONOutput) {
    output.array { output in
      for line in lines {
        output.object { output in
          output.member("id", String(line.section.id))
          if let adapter = line.adapter {
            output.member("name", adapter.name)
            output.member("rank", adapter.rank)
            output.member("rank_stabilised", adapter.isRankStabilised)
            output.key("alpha")
            output.array { for alpha in line.alphas { $0.value(alpha) } }
            output.key("modules")
            output.array { for name in line.modules { $0.value(name) } }
            output.key("encodings")
            output.array { for name in line.encodings { $0.value(name) } }
            output.member("targets", adapter.targets.count)
            output.member("parameters", adapter.parameterCount)
            output.member("base", adapter.baseDigest.description)
          }
          output.member("bytes", line.section.storedByteCount)
          output.member("digest", line.section.digest.description)
          if let problem = line.problem { output.member("problem", problem.description) }
        }
      }
    }
  }
}
