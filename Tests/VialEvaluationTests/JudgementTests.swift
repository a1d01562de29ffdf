// Reading answers, choosing by likelihood, and the figures.

import Testing
import VialEvaluation

@Suite struct JudgementTests {
  @Test func answersAreReadByTheRules() {
    let extraction = AnswerExtraction(
      options: ["Iron deficiency", "Zinc", "Folate deficiency", "None of these"])
    let cases: [(String, Int?)] = [
      ("The answer is (B).", 1), ("Answer: C", 2), ("**Answer:** **D**", 3),
      ("answer is A at first, but the answer is C", 2), ("So \\boxed{D}", 3),
      ("The correct answer is: option B", 1), ("Answer:\n\n(C)", 2),
      ("B", 1), ("B. Zinc", 1), (" (C) because of folate", 2), ("**D**\nsince", 3),
      ("We choose (A) over zinc, no: (D)", 3), ("Thinking of it\nB\n", 1),
      ("It must be iron DEFICIENCY, surely", 0), ("Iron deficiency, not zinc", nil),
      ("A patient has it", nil), ("Answer: E", nil), ("", nil), ("zincate", nil),
      ("The answer is zinc", 1),
    ]
    for (text, choice) in cases { #expect(extraction.choice(in: text) == choice, "\(text)") }
    let yesNo = AnswerExtraction(options: ["yes", "no", "maybe"])
    #expect(yesNo.choice(in: "No, nobody knows.") == 1)
    #expect(yesNo.choice(in: "I know") == nil)
  }

  @Test func promptsSayWhatTheModeNeeds() {
    let question = Question(
      id: "1", context: "Case.", text: "Q?", options: ["x", "y"], answer: 0)
    let text = QuestionPrompt(question, mode: .text, isRaw: true)
    #expect(text.text == "Case.\n\nQuestion: Q?\nAnswer:" && text.continuations == [" x", " y"])
    let letter = QuestionPrompt(question, mode: .letter, isRaw: false)
    #expect(letter.text.hasPrefix("Case.\n\nQ?\n\nA. x\nB. y\n\n"))
    #expect(letter.continuations == ["A", "B"])
    let generate = QuestionPrompt(question, mode: .generate, isRaw: true)
    #expect(generate.text == "Case.\n\nQuestion: Q?\n\nA. x\nB. y\nAnswer:")
    #expect(generate.continuations.isEmpty)
  }

  private func outcome(_ logLikelihoods: [Double], _ answer: Int, _ category: String)
    -> QuestionOutcome
  {
    let question = Question(
      id: "q", text: "Q?", options: logLikelihoods.map { "\($0)" }, answer: answer,
      category: category)
    var outcome = QuestionOutcome(question, digest: "")
    outcome.choose(logLikelihoods, byteCounts: [10, 2])
    return outcome
  }

  @Test func likelihoodIsComparedRawAndPerByte() {
    let outcome = outcome([-3, -2], 0, "")
    #expect(outcome.choice == 1 && outcome.normalizedChoice == 0)
    #expect(!outcome.isCorrect && outcome.isCorrectNormalized)
  }

  /// Wilson's intervals as the textbook formula gives them (Brown, Cai & DasGupta 2001).
  @Test func intervalsAreWilsons() {
    let cases: [(Int, Int, Double, Double)] = [
      (0, 10, 0, 0.2775328), (5, 10, 0.2365931, 0.7634069), (10, 10, 0.7224672, 1),
      (90, 100, 0.8256343, 0.9447710),
    ]
    for (correct, count, low, high) in cases {
      let interval = Accuracy(correctCount: correct, count: count).interval
      #expect(abs(interval.low - low) < 1e-5 && abs(interval.high - high) < 1e-5, "\(correct)")
    }
  }

  @Test func figuresAreCountedByCategory() throws {
    // log 3: confidence 3/4; equal: 1/2.
    let log3 = 1.0986122886681098
    let summary = EvaluationSummary([
      outcome([0, -log3], 0, "b"), outcome([0, -log3], 1, "b"), outcome([-1, -1], 0, "a"),
    ])
    #expect(summary.all.accuracy == Accuracy(correctCount: 2, count: 3))
    #expect(summary.categories.map(\.name) == ["a", "b"])
    #expect(summary.categories[1].accuracy == Accuracy(correctCount: 1, count: 2))
    // Bins: 0.75 twice with one right (|1 - 1.5|), 0.5 once and right (|1 - 0.5|).
    let reliability = try #require(summary.reliability)
    #expect(abs(reliability.expectedError - 1.0 / 3) < 1e-12)
    // Squared distances: right at 3/4 1/8, wrong at 3/4 9/8, at 1/2 1/2.
    #expect(abs(reliability.brierScore - (1.0 / 8 + 9.0 / 8 + 1.0 / 2) / 3) < 1e-12)
    #expect(reliability.bins.map(\.count) == [0, 0, 0, 0, 0, 1, 0, 2, 0, 0])
    #expect(reliability.bins[7].correctCount == 1)
    #expect(
      reliability.abstentions.map(\.accuracy) == [
        Accuracy(correctCount: 2, count: 3), Accuracy(correctCount: 2, count: 3),
        Accuracy(correctCount: 2, count: 3), Accuracy(correctCount: 1, count: 2),
        Accuracy(correctCount: 0, count: 0), Accuracy(correctCount: 0, count: 0),
      ])
    #expect(summary.unreadCount == 0 && summary.failedCount == 0)
  }
}
