// Owns: the way from values to the two messages of a prompt template, and the checks of the values.
// Must not: own text, or give a value any meaning: what a value spells is never a variable, a tag
// or a token; both messages are literal as a whole.
// Source: Spec/TEMPLATES.md, "Values of variables".

/// Where a variable's name and value lie in the text of `PromptValues`.
public struct PromptValue: BitwiseCopyable, Sendable {
  /// The name's bytes.
  public var name: TextRange
  /// The value's bytes.
  public var content: TextRange

  /// A value; ranges count from the start of the text.
  public init(name: TextRange, content: TextRange) {
    (self.name, self.content) = (name, content)
  }
}

/// Values as the caller holds them: one text, and where each lies in it.
public struct PromptValues: ~Escapable {
  /// All names and values.
  public let text: Span<UInt8>
  /// One entry a value.
  public let entries: Span<PromptValue>

  /// Puts text and values together.
  @_lifetime(copy text, copy entries)
  public init(text: Span<UInt8>, entries: Span<PromptValue>) {
    self.text = text
    self.entries = entries
  }
}

/// How long the messages are; the user's follows the system's.
public struct RenderedPrompt: Sendable, Equatable {
  /// Bytes of the system message; 0 when there is none.
  public let systemByteCount: Int
  /// Bytes of the user's message.
  public let userByteCount: Int
}

extension PromptTemplate {
  /// Writes the system message and the user's behind it into `output` as far as they fit, and tells
  /// how long they are. Throws what is wrong with the values, or `textTooLong` when both messages
  /// together exceed `PromptLimits.renderedByteCount`: a template may name a variable thousands of
  /// times.
  public func render(
    _ values: PromptValues, into output: inout MutableSpan<UInt8>
  ) throws(PromptError) -> RenderedPrompt {
    let ranges = try PromptRanges(self, values)
    var writer = PromptWriter(output: output._mutatingExtracting(...))
    for (number, part) in systemParts.enumerated() {
      if number > 0 { try writer.write("\n\n".utf8Span.span) }
      try write(part, values, ranges, &writer)
    }
    let systemByteCount = writer.count
    try write(text, values, ranges, &writer)
    return RenderedPrompt(
      systemByteCount: systemByteCount, userByteCount: writer.count - systemByteCount)
  }

  private func write(
    _ text: PromptText, _ values: PromptValues, _ ranges: PromptRanges,
    _ writer: inout PromptWriter
  ) throws(PromptError) {
    for piece in text.pieces {
      switch piece {
      case .text(let range): try writer.write(text.bytes.span.extracting(range))
      case .variable(let index):
        guard let valueRange = ranges.content[index] else {
          try writer.write(variables[index].fallback.utf8Span.span)
          continue
        }
        let content = values.text.extracting(valueRange)
        let isQuoted = formatVersion == .quoted
        switch variables[index].kind {
        case .text where isQuoted: try writer.write(quoted: content)
        case .list where isQuoted: try writer.write(quotedItems: content)
        case .list: try writer.write(items: content)
        case .integer, .number: try writer.write(number: content, variables[index], formatVersion)
        case .choice: try writer.write(choice: content, variables[index])
        case .text, .date: try writer.write(content)
        }
      }
    }
  }
}

/// Where each variable's value lies, once all of them are known to fit.
private struct PromptRanges {
  /// nil: the variable has none.
  private(set) var content: [Range<Int>?]

  init(_ template: PromptTemplate, _ values: PromptValues) throws(PromptError) {
    content = [Range<Int>?](repeating: nil, count: template.variables.count)
    for number in 0..<values.entries.count {
      let entry = values.entries[number]
      guard let name = Self.range(entry.name, values.text),
        let valueRange = Self.range(entry.content, values.text),
        let index = template.variables.firstIndex(where: {
          values.text.extracting(name).isEqual(to: $0.name)
        })
      else { throw .unknownName(value: number) }
      guard content[index] == nil else { throw .repeated(value: number) }
      content[index] = valueRange
    }
    for (index, variable) in template.variables.enumerated() {
      if let valueRange = content[index] {
        content[index] = try Self.checked(
          valueRange, of: variable, index, values.text, template.formatVersion)
      }
      if content[index] == nil, variable.isRequired { throw .missing(variable: index) }
    }
    for (index, variable) in template.variables.enumerated() {
      guard let other = variable.earlierDate, let valueRange = content[index],
        let earlier = content[other]
      else { continue }
      let (date, otherDate) = (values.text.extracting(valueRange), values.text.extracting(earlier))
      if date.isBefore(date.dateLength ?? 0, otherDate, otherDate.dateLength ?? 0) {
        throw .beforeOther(variable: index, other: other)
      }
    }
  }

  private static func range(_ range: TextRange, _ text: Span<UInt8>) -> Range<Int>? {
    let (end, overflow) = range.start.addingReportingOverflow(range.byteCount)
    guard !overflow, range.start >= 0, range.byteCount >= 0, end <= text.count else { return nil }
    return range.start..<end
  }

  /// The part of a value that counts; nil for a blank one.
  private static func checked(
    _ valueRange: Range<Int>, of variable: PromptVariable, _ index: Int, _ text: Span<UInt8>,
    _ version: PromptTemplate.FormatVersion
  ) throws(PromptError) -> Range<Int>? {
    let isQuoted = version == .quoted
    if let offset = UTF8Text.firstInvalidOffset(text.extracting(valueRange)) {
      throw .invalidUTF8(variable: index, offset: offset)
    }
    let trimmed = text.trimmed(valueRange)
    guard !trimmed.isEmpty else { return nil }
    let value = text.extracting(trimmed)
    switch variable.kind {
    case .text:
      guard valueRange.count <= variable.byteLimit else {
        throw .tooLong(variable: index, limit: variable.byteLimit)
      }
      return isQuoted ? trimmed : valueRange
    case .list:
      guard valueRange.count <= variable.byteLimit else {
        throw .tooLong(variable: index, limit: variable.byteLimit)
      }
      var count = 0
      if isQuoted {
        text.forEachQuotedLine(in: trimmed) { _ in count += 1 }
      } else {
        text.forEachLine(in: trimmed) { _ in count += 1 }
      }
      guard count <= variable.itemLimit else {
        throw .tooManyItems(variable: index, limit: variable.itemLimit)
      }
    case .choice:
      guard variable.choice(value) != nil else { throw .notAChoice(variable: index) }
    case .date:
      guard isQuoted ? value.dateLength != nil : value.isDay else {
        throw .notADate(variable: index)
      }
    case .integer, .number:
      do throws(NumberValue.Problem) {
        _ = try NumberValue(value, variable, version)
      } catch {
        switch error {
        case .notANumber: throw .notANumber(variable: index)
        case .wrongUnit: throw .wrongUnit(variable: index)
        case .outOfRange: throw .outOfRange(variable: index)
        }
      }
    }
    return trimmed
  }
}
