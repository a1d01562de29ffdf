// What this project's own reader says about a file, step by step: open, verify, run.
// Owns: the order of the steps, and offsets counted from the start of the file.

import Foundation
import Vial
import VialFormat
import VialText

/// One broken rule.
struct Finding: Equatable, CustomStringConvertible {
  let stage: String
  let rule: Int
  /// Of the page, slot, section table, section or gap that the report lies in.
  let part: String

  var description: String { "R-\(rule) at \(stage) in \(part)" }
}

/// A reader's findings about some bytes.
struct ReaderOutcome {
  private let layout: PartLayout
  private(set) var findings: [Finding] = []

  init(_ bytes: [UInt8]) throws {
    layout = PartLayout(bytes)
    let file: VialFile
    do {
      file = try FormatReader.open(ByteRegion(copying: bytes))
    } catch {
      add("open", error)
      return
    }
    for problem in try Verifier(file).verify().problems { add("verify", problem) }
    for section in file.sections {
      guard let region = file.storedBytes(of: section) else { continue }
      do throws(FormatError) {
        switch section.kind {
        case .tokenizer:
          _ = try Tokenizer(region, vocabularySize: file.configuration.vocabularySize)
        case .chatTemplate: _ = try ChatTemplate(copying: region)
        case .promptTemplate: _ = try PromptTemplate(copying: region, section: section.id)
        default: break
        }
      } catch { add("verify", error, in: section) }
    }
    if findings.isEmpty { try run(bytes) }
  }

  /// Opens the file as a program that computes does.
  private mutating func run(_ bytes: [UInt8]) throws {
    let url = FileManager.default.temporaryDirectory
      .appendingPathComponent("vial-vector-\(UUID().uuidString).vial")
    try Data(bytes).write(to: url)
    defer { try? FileManager.default.removeItem(at: url) }
    do throws(VialError) {
      // Whoever uses an adapter refuses one that is wrong; the model opens all the same.
      for problem in try Model(path: url.path).refusedAdapters { add("run", problem) }
    } catch {
      guard case .format(let problem) = error else { throw error }
      add("run", problem)
    }
  }

  private mutating func add(
    _ stage: String, _ error: FormatError, in section: SectionDescriptor? = nil
  ) {
    let offset = (section?.offset ?? layout.start(of: "\(error.context)")) + error.offset
    findings.append(
      Finding(stage: stage, rule: error.rule, part: layout.part(offset)))
  }
}

/// Which part of a file an offset lies in, by the root in slot A.
struct PartLayout {
  private var parts: [(name: String, range: Range<UInt64>)] = []

  init(_ bytes: [UInt8]) {
    parts = [
      ("identity", 0..<4096), ("slot A", 4096..<8192), ("slot B", 8192..<12288),
    ]
    guard bytes.count >= 12288 else { return }
    func number(_ at: UInt64, _ size: Int) -> UInt64 {
      guard at <= UInt64(bytes.count), bytes.count - Int(at) >= size else { return 0 }
      return (0..<size).reduce(0) { $0 | UInt64(bytes[Int(at) + $1]) << UInt64($1 * 8) }
    }
    let (table, count) = (number(4112, 8), number(4128, 4))
    guard table <= UInt64(bytes.count), count <= 64 else { return }
    parts.append(("section table", table..<table + count * 128))
    let names = [
      1: "configuration", 2: "tensor table", 4: "tokenizer", 5: "chat template",
      6: "prompt template",
    ]
    for entry in stride(from: table, to: table + count * 128, by: 128) {
      let (offset, length) = (number(entry + 16, 8), number(entry + 24, 8))
      guard offset <= UInt64(bytes.count), length <= UInt64(bytes.count) else { continue }
      let kind = Int(number(entry, 4))
      let name = names[kind] ?? "kind \(kind) id \(number(entry + 8, 8))"
      parts.append((name, offset..<offset + length))
    }
  }

  /// Where offsets of an error's context count from.
  func start(of context: String) -> UInt64 {
    switch context {
    case "root": return 4096
    case "weights": return first("kind 3 ")
    case "provenance": return first("kind 8 ")
    case "text": return first("kind 10 ")
    default: return first(String(context.prefix { $0 != "," }))
    }
  }

  private func first(_ name: String) -> UInt64 {
    parts.first { $0.name.hasPrefix(name) }?.range.lowerBound ?? 0
  }

  /// The part's name, or the last part that ends before the offset.
  func part(_ offset: UInt64) -> String {
    if let inside = parts.first(where: { $0.range.contains(offset) }) { return inside.name }
    let before = parts.filter { $0.range.upperBound <= offset }
    return "behind \(before.max { $0.range.upperBound < $1.range.upperBound }?.name ?? "")"
  }
}
