// Owns: a JSONL file of questions, line by line; what is wrong with a line belongs to that line
// only.
// Must not: show text of a question in an error.

import VialText

/// The questions of a file, and what was wrong with other lines.
package struct QuestionFile: Sendable {
  /// A line that is no question.
  package struct BrokenLine: Sendable {
    /// From 1.
    package let number: Int
    /// What is wrong.
    package let error: QuestionError
  }

  /// Questions with a known answer, in file order.
  package private(set) var questions: [Question] = []
  /// Lines that could not be read.
  package private(set) var brokenLines: [BrokenLine] = []
  /// Questions without a published answer (MedMCQA's `cop` -1).
  package private(set) var unlabeledCount = 0

  /// Reads all lines of `bytes`; blank lines are nothing.
  package init(_ bytes: [UInt8]) {
    let lines = bytes.split(separator: 0x0A, omittingEmptySubsequences: false)
    var parsed: [(number: Int, value: JSONValue)] = []
    for (index, line) in lines.enumerated() {
      guard line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { continue }
      do throws(JSONError) {
        parsed.append((index + 1, try JSONReader.parse(Array(line))))
      } catch {
        brokenLines.append(BrokenLine(number: index + 1, error: QuestionError("\(error)")))
      }
    }
    let reader = QuestionReader(copBase: Self.copBase(parsed.map(\.value)))
    var ids: Set<String> = []
    for (number, value) in parsed {
      do throws(QuestionError) {
        guard let question = try reader.question(value, defaultID: "line \(number)") else {
          unlabeledCount += 1
          continue
        }
        guard ids.insert(question.id).inserted else {
          throw QuestionError("another line has the same id")
        }
        questions.append(question)
      } catch { brokenLines.append(BrokenLine(number: number, error: error)) }
    }
    brokenLines.sort { $0.number < $1.number }
  }

  /// What MedMCQA's `cop` counts from: Hugging Face's files from 0, the authors' from 1. A file in
  /// which some `cop` is 4 and none is 0 counts from 1.
  private static func copBase(_ values: [JSONValue]) -> Int {
    let answers = values.compactMap { ($0["cop"] ?? $0["doc"]?["cop"])?.integer }
    return answers.contains(4) && !answers.contains(0) ? 1 : 0
  }
}
