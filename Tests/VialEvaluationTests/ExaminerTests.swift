// Questions put to a packed model: what each mode returns, frames, and cancellation.

import TestSupport
import Testing
import Vial
import VialEvaluation
import VialSystem

@Suite struct ExaminerTests {
  private static let question = Question(id: "1", text: "Q?", options: ["x", "y"], answer: 0)

  /// A frame that says the same whatever the question.
  private struct FixedFrame: QuestionFrame {
    let identity = "fixed"

    func tokens(_ question: [UInt8], _ model: Model) throws -> SecureBuffer<UInt32> {
      try model.encode(Array("The same.".utf8).span)
    }
  }

  private static func examiner(
    _ mode: QuestionMode, frame: (any QuestionFrame)? = nil,
    isCancelled: @escaping () -> Bool = { false }
  ) throws -> QuestionExaminer {
    var options = ExaminerOptions(mode: mode, isRaw: true, maximumTokens: 900)
    options.frame = frame
    return try QuestionExaminer(
      PackedModel.open("qwen2-tiny-untied"), options: options, isCancelled: isCancelled)
  }

  @Test func optionsAreScored() throws {
    let (outcome, output) = try #require(try Self.examiner(.text).ask(Self.question))
    #expect(outcome.logLikelihoods.count == 2 && outcome.choice != nil && output == nil)
    #expect(outcome.failure == nil)
  }

  @Test func answersAreWritten() throws {
    let (outcome, output) = try #require(try Self.examiner(.generate).ask(Self.question))
    #expect(outcome.logLikelihoods.isEmpty && output?.isEmpty == false)
  }

  @Test func aFrameReplacesTheQuestion() throws {
    let examiner = try Self.examiner(.letter, frame: FixedFrame())
    var other = Self.question
    other.text = "Another?"
    let first = try #require(try examiner.ask(Self.question)).outcome
    let second = try #require(try examiner.ask(other)).outcome
    #expect(first.logLikelihoods == second.logLikelihoods && first.digest != second.digest)
    let bare = try Self.examiner(.letter)
    #expect(examiner.digest(Self.question) != bare.digest(Self.question))
    #expect(try bare.ask(Self.question)?.outcome.logLikelihoods != first.logLikelihoods)
  }

  /// A machine that is busy may let one answer end before it is cancelled, not every one.
  @Test func aCancelledQuestionHasNoOutcome() throws {
    let examiner = try Self.examiner(.generate, isCancelled: { true })
    #expect(try (0..<50).contains { _ in try examiner.ask(Self.question) == nil })
  }
}
