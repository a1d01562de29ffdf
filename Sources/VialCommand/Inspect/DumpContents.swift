// Owns: what both forms of a dump show and the descriptor does not say by itself.
// Must not: format; `DumpText` and `DumpJSON` do.

import VialFormat
import VialText

/// A file with everything that a dump computes once.
struct FileContents {
  let path: String
  let file: VialFile
  let parameters: ParameterSummary
  let tokenizer: Tokenizer
  let provenance: KeyValueTable?

  init(_ file: VialFile, path: String) throws {
    self.path = path
    self.file = file
    parameters = ParameterSummary(file.tensors)
    guard let section = file.section(.tokenizer) else {
      throw CommandFailure("\(path): the tokenizer section is missing")
    }
    do throws(FormatError) {
      tokenizer = try Tokenizer(section)
      provenance = try file.provenance()
    } catch { throw CommandFailure("\(path): \(error)") }
  }

  /// The id of a prompt template, or the section's when it breaks a rule.
  private static func promptID(_ file: VialFile, _ section: SectionDescriptor) -> String {
    let template = file.storedBytes(of: section).flatMap {
      try? PromptTemplate(copying: $0, section: section.id)
    }
    return template?.id ?? "damaged, section \(section.id)"
  }

  /// Templates: id for `--template`, what it is, stored bytes.
  var templates: [(id: String, name: String, byteCount: UInt64)] {
    var found: [(id: String, name: String, byteCount: UInt64)] = []
    for section in file.sections {
      switch section.kind {
      case .chatTemplate:
        let template = file.storedBytes(of: section).flatMap { try? ChatTemplate($0) }
        let name =
          template?.readsTools == true ? "compiled program, reads tools" : "compiled program"
        found.append(("chat", name, section.rawByteCount))
      case .text where section.id == TextSection.chatTemplateSource.rawValue:
        found.append(("chat", "source", section.rawByteCount))
      case .promptTemplate:
        found.append((Self.promptID(file, section), "prompt template", section.rawByteCount))
      default: break
      }
    }
    return found
  }
}

/// Tensors, parameters and bytes, by encoding.
struct ParameterSummary {
  /// One encoding with its parameters.
  struct Line {
    let format: TensorFormat
    var tensorCount = 0
    var parameterCount = 0
    var byteCount = 0

    /// `int4 g64 asymmetric`, `int4 g64 levels`
    var name: String {
      var name = format.encoding.name
      if format.group > 0 { name += " g\(format.group)" }
      if format.isAsymmetric { name += " asymmetric" }
      if format.codebook != nil { name += " levels" }
      return name
    }

    /// Stored bits of a parameter, scales, zero points and padding included.
    var bitsPerWeight: Double { Double(byteCount) * 8 / Double(max(1, parameterCount)) }
  }

  private(set) var lines: [Line] = []
  private(set) var total = Line(format: TensorFormat(.f32))

  init(_ tensors: TensorTable) {
    for index in 0..<tensors.count {
      let tensor = tensors[index]
      if !lines.contains(where: { $0.format == tensor.format }) {
        lines.append(Line(format: tensor.format))
      }
      for line in lines.indices where lines[line].format == tensor.format {
        Self.count(tensor, &lines[line])
      }
      Self.count(tensor, &total)
    }
    lines.sort {
      ($0.format.encoding.rawValue, $0.format.group, $0.format.isAsymmetric ? 1 : 0)
        > ($1.format.encoding.rawValue, $1.format.group, $1.format.isAsymmetric ? 1 : 0)
    }
  }

  private static func count(_ tensor: TensorDescriptor, _ line: inout Line) {
    line.tensorCount += 1
    line.parameterCount += tensor.shape.elementCount
    line.byteCount += tensor.byteCount
  }
}

extension TensorDescriptor {
  /// `int4 g64 asymmetric`
  var formatName: String { ParameterSummary.Line(format: format).name }
}

extension SectionDescriptor {
  /// What the section is, its id spelled out where it means something.
  var title: String {
    if kind == .text, let text = TextSection(rawValue: id) { return text.name }
    return kind.isKnown ? kind.name : "kind \(kind.rawValue)"
  }

  /// Names of the flags.
  var flagNames: [String] {
    (flags.contains(.required) ? ["required"] : []) + (flags.contains(.model) ? ["model"] : [])
  }
}
