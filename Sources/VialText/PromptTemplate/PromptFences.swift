// Owns: where texts and lists may stand in a template of version 2 (in a fence, alone on their
// line): rule R-528.
// Must not: see a value.
// Source: Spec/TEMPLATES.md, "Fences".

internal import VialFormat

/// A line of a template's text, by what it means to fences.
enum FenceLine: Equatable {
  /// `<name>`.
  case open(ArraySlice<UInt8>)
  /// `</name>`.
  case close(ArraySlice<UInt8>)
  /// Anything else.
  case other

  init(_ line: ArraySlice<UInt8>) {
    self = .other
    guard line.first == 0x3C, line.last == 0x3E, line.count > 2 else { return }
    let isClose = line[line.startIndex + 1] == 0x2F
    let name = line[(line.startIndex + (isClose ? 2 : 1))..<(line.endIndex - 1)]
    guard (1...PromptLimits.fenceByteCount).contains(name.count), name.allSatisfy(Self.isNameByte)
    else { return }
    self = isClose ? .close(name) : .open(name)
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || byte == 0x5F
  }
}

/// What keeps a text from being fenced.
public enum FenceProblem: Sendable, Equatable {
  /// A fence is opened in another one, closed without being open, or not closed.
  case unbalanced
  /// A line begins with `>`, as those of values do.
  case lineOfValues
  /// The variable with this number, a text or a list, stands outside of a fence.
  case outside(variable: Int)
  /// The variable with this number, a text or a list, shares its line with something.
  case notAlone(variable: Int)
}

extension PromptText {
  /// The first thing that keeps values in this text from being fenced; nil when all is well.
  /// - Parameter isQuoted: for each variable whether it is a text or a list.
  public func fenceProblem(_ isQuoted: [Bool]) -> FenceProblem? {
    var open: ArraySlice<UInt8>?
    for line in lines() {
      switch line.variables.isEmpty ? FenceLine(line.bytes[...]) : .other {
      case .open(let name):
        guard open == nil else { return .unbalanced }
        open = name
      case .close(let name):
        guard open == name else { return .unbalanced }
        open = nil
      case .other:
        if line.bytes.first == 0x3E { return .lineOfValues }
        guard let variable = line.variables.first(where: { isQuoted[$0] }) else { continue }
        if open == nil { return .outside(variable: variable) }
        if line.variables.count > 1 || !line.bytes.isEmpty { return .notAlone(variable: variable) }
      }
    }
    return open == nil ? nil : .unbalanced
  }

  /// The lines with the bytes that are not a variable's; a line of a variable alone has none.
  private func lines() -> [(bytes: [UInt8], variables: [Int])] {
    var lines: [(bytes: [UInt8], variables: [Int])] = [([], [])]
    for piece in pieces {
      switch piece {
      case .variable(let index): lines[lines.count - 1].variables.append(index)
      case .text(let range):
        for byte in bytes[range] {
          if byte == 0x0A {
            lines.append(([], []))
          } else {
            lines[lines.count - 1].bytes.append(byte)
          }
        }
      }
    }
    return lines
  }
}

extension PromptFields {
  /// R-528 for the user's message.
  func checkFences(_ key: String, _ text: PromptText, _ isQuoted: [Bool]) throws(FormatError) {
    switch text.fenceProblem(isQuoted) {
    case nil: return
    case .unbalanced:
      throw error(rule: 528, key, "a fence is not closed, or closed or opened where it must not be")
    case .lineOfValues:
      throw error(rule: 528, key, "a line begins with the sign of quoted values")
    case .outside:
      throw error(rule: 528, key, "a text or a list stands outside of a fence")
    case .notAlone:
      throw error(rule: 528, key, "a text or a list does not stand alone on its line")
    }
  }

  /// R-528 for the system message, which has no fences.
  func checkNoQuote(_ key: String, _ text: PromptText, _ isQuoted: [Bool]) throws(FormatError) {
    try expect(
      !text.variables.contains { isQuoted[$0] }, rule: 528, key,
      "a text or a list stands outside of a fence")
  }
}
