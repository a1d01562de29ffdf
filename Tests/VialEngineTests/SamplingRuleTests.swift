// Penalties, biases, bans and ends of an answer, against a plain reckoning over the scorer's logits.

import TestSupport
import Testing
import Vial
import VialCompute
import VialEngine
import VialModel
import VialSystem
import VialText

@Suite struct SamplingRuleTests {
  private static let prompt: [UInt32] = (0..<40).map { (index: UInt32) -> UInt32 in
    (index * 37 + index * index * 3) % 480
  }
  private static let end: UInt32 = 490

  private static func engine(
    positions: Int = 2048, _ compute: ComputeOptions = ComputeOptions(threadCount: 2, chunkSize: 48)
  ) throws -> Engine {
    var options = EngineOptions(compute: compute)
    options.cachePositionCount = positions
    return try Engine(model: PackedModel.open("qwen2-tiny-untied"), options: options)
  }

  private static func options(
    _ tokens: Int, _ change: (inout GenerationOptions) -> Void = { _ in }
  ) -> GenerationOptions {
    var options = GenerationOptions(maximumTokens: tokens, sampling: SamplingParameters())
    change(&options)
    return options
  }

  // MARK: A plain reckoning

  /// The tokens that a penalty counts, by the words of Spec/ARITHMETIC.md.
  private static func counted(
    _ reach: PenaltyReach, _ text: [UInt32], promptCount: Int
  ) -> [UInt32: Int] {
    var part: [UInt32]
    switch reach.scope {
    case .answer: part = Array(text[promptCount...])
    case .prompt: part = Array(text[..<promptCount])
    case .both: part = text
    }
    if reach.window > 0 { part = part.suffix(Int(reach.window)) }
    return part.reduce(into: [:]) { $0[$1, default: 0] += 1 }
  }

  /// The greedy answer with penalties, biases and bans: the whole text is scored anew for each token.
  private static func reckoned(
    _ model: Model, _ count: Int, _ options: GenerationOptions
  ) throws -> [UInt32] {
    let sampling = options.sampling
    let scorer = try Scorer(model: model)
    var text = prompt
    while text.count < prompt.count + count {
      var row = try #require(try scorer.logits(text).last)
      for (id, _) in counted(sampling.repetitionReach, text, promptCount: prompt.count) {
        let x = row[Int(id)]
        row[Int(id)] = x < 0 ? x * sampling.repetitionPenalty : x / sampling.repetitionPenalty
      }
      for (id, times) in counted(sampling.penaltyReach, text, promptCount: prompt.count) {
        row[Int(id)] -= sampling.frequencyPenalty * Float(times)
        row[Int(id)] -= sampling.presencePenalty
      }
      for entry in options.rules.biases { row[Int(entry.token)] += entry.bias }
      var barred = options.rules.bannedTokens
      if text.count - prompt.count < options.rules.minimumTokens { barred.append(end) }
      let best = row.indices.filter {
        model.tokenizer.isPresent(UInt32($0)) && !barred.contains(UInt32($0))
      }.max { row[$0] < row[$1] || row[$0] == row[$1] && $0 > $1 }
      let id = UInt32(try #require(best))
      if id == end { break }
      text.append(id)
    }
    return Array(text[prompt.count...])
  }

  private static let cases: [@Sendable (inout GenerationOptions) -> Void] = [
    { $0.sampling.repetitionPenalty = 1.3 },
    { $0.sampling.presencePenalty = 0.7 },
    { $0.sampling.frequencyPenalty = 0.4 },
    {
      $0.sampling.frequencyPenalty = -0.3
      $0.sampling.penaltyReach = PenaltyReach(.prompt)
    },
    {
      $0.sampling.presencePenalty = 1.5
      $0.sampling.penaltyReach = PenaltyReach(.both, window: 12)
    },
    {
      $0.sampling.repetitionPenalty = 1.6
      $0.sampling.repetitionReach = PenaltyReach(.answer, window: 5)
      $0.sampling.frequencyPenalty = 0.9
      $0.sampling.penaltyReach = PenaltyReach(.answer, window: 3)
    },
    {
      $0.sampling.repetitionPenalty = 0.7
      $0.sampling.repetitionReach = PenaltyReach(.prompt, window: 7)
      $0.sampling.frequencyPenalty = 0.5
      $0.sampling.presencePenalty = -0.25
      $0.sampling.penaltyReach = PenaltyReach(.prompt, window: 20)
    },
    {
      $0.sampling.repetitionPenalty = 1.2
      $0.rules.biases = [
        TokenBias(token: 7, bias: 2.5), TokenBias(token: 7, bias: -0.125),
        TokenBias(token: 300, bias: -3),
      ]
      $0.rules.bannedTokens = [11, 12, 13, 100, 101, 102]
    },
  ]

  @Test(arguments: cases.indices)
  func answersAreThoseOfAPlainReckoning(_ index: Int) throws {
    let engine = try Self.engine()
    let free = try engine.tokens(Self.prompt, Self.options(48))
    let options = Self.options(48, Self.cases[index])
    let wanted = try Self.reckoned(engine.model, 48, options)
    #expect(wanted != free)
    #expect(try engine.tokens(Self.prompt, options) == wanted)
  }

  /// What has no effect changes nothing, and Hugging Face's default (1, 0, 0) has none.
  @Test func neutralValuesChangeNothing() throws {
    let engine = try Self.engine()
    let free = try engine.tokens(Self.prompt, Self.options(40))
    let neutral = Self.options(40) {
      $0.sampling.repetitionReach = PenaltyReach(.answer, window: 3)
      $0.sampling.penaltyReach = PenaltyReach(.both, window: 1)
      $0.rules.biases = [TokenBias(token: 3, bias: 0)]
    }
    #expect(try engine.tokens(Self.prompt, neutral) == free)
    // A bias concerns its own id alone, a ban too.
    let unused = try #require((0..<480).first { !free.contains($0) })
    let banned = Self.options(40) { $0.rules.bannedTokens = [unused] }
    #expect(try engine.tokens(Self.prompt, banned) == free)
  }

  /// Counts follow from the text alone: company, preemption, cached beginnings, threads and instruction sets do nothing.
  @Test func companyChangesNoCount() throws {
    func options(_ index: Int) -> GenerationOptions {
      Self.options(150) {
        $0.sampling.temperature = 1
        $0.sampling.seed = 4
        Self.cases[index % Self.cases.count](&$0)
        $0.sampling.penaltyReach.scope = [.answer, .both, .prompt][index % 3]
        $0.rules.minimumTokens = 120
      }
    }
    func outcome(_ request: Request) -> [[UInt32]] {
      request.events().map { [$0.token, $0.logProbability.bitPattern] }
    }
    let reference = try Self.engine(
      positions: 256,
      ComputeOptions(threadCount: 1, family: KernelFamily(named: "reference"), chunkSize: 7))
    let alone = try (0..<9).map { try outcome(reference.submit(Self.prompt, options($0))) }
    let engine = try Self.engine(positions: 640)
    let requests = try (0..<9).map { try engine.submit(Self.prompt, options($0)) }
    let together = requests.map(outcome)
    for index in 0..<9 { #expect(together[index] == alone[index], "\(index)") }
    #expect(requests.contains { $0.timings.preemptionCount > 0 })
    #expect(try outcome(engine.submit(Self.prompt, options(8))) == alone[8])
  }

  // MARK: Temperatures

  @Test func temperaturesBelowTheBoundAreGreedy() throws {
    let engine = try Self.engine()
    let greedy = try engine.tokens(Self.prompt, Self.options(40))
    let bound = SamplingParameters.leastTemperature
    for temperature in [
      Float.leastNonzeroMagnitude, Float.leastNormalMagnitude, 3e-38, 1e-9, bound.nextDown,
    ] {
      for seed: UInt64 in 0..<3 {
        let options = Self.options(40) {
          $0.sampling.temperature = temperature
          $0.sampling.seed = seed
        }
        #expect(try engine.tokens(Self.prompt, options) == greedy, "\(temperature)")
      }
    }
  }

  // MARK: Ends

  @Test func stopIdsEndTheAnswerBeforeThem() throws {
    let engine = try Self.engine()
    let free = try engine.tokens(Self.prompt, Self.options(40))
    let stop = free[10]
    let first = try #require(free.firstIndex(of: stop))
    let request = try engine.submit(
      Self.prompt, Self.options(40) { $0.rules.stopTokens = [3, stop] })
    #expect(request.finishedTokens() == Array(free[..<first]))
    #expect(request.ending?.reason == .stop)
    // Not before the least number of tokens, and then at once.
    let least = Self.options(40) {
      $0.rules.stopTokens = [stop]
      $0.rules.minimumTokens = 20
    }
    let later = try engine.submit(Self.prompt, least)
    let tokens = later.finishedTokens()
    #expect(tokens.count >= 20 && !tokens.contains(stop))
    #expect(tokens[..<first] == free[..<first])
  }

  /// The model wants to end all the time.
  @Test func endsCanBeBarredAndIgnored() throws {
    let engine = try Self.engine()
    func tokens(_ change: @escaping (inout GenerationOptions) -> Void) throws -> [UInt32] {
      let options = Self.options(12) {
        $0.rules.biases = [TokenBias(token: Self.end, bias: 100)]
        change(&$0)
      }
      let request = try engine.submit(Self.prompt, options)
      let tokens = request.finishedTokens()
      #expect(request.ending?.reason == (tokens.count == 12 ? .length : .stop))
      return tokens
    }
    #expect(try tokens { _ in }.isEmpty)
    #expect(try tokens { $0.rules.minimumTokens = 7 }.count == 7)
    #expect(try !tokens { $0.rules.minimumTokens = 7 }.contains(Self.end))
    #expect(try tokens { $0.rules.minimumTokens = 12 }.count == 12)
    #expect(
      try tokens { $0.rules.ignoresEnd = true } == [UInt32](repeating: Self.end, count: 12))
    // What is ignored as the model's may be asked for as the request's.
    #expect(
      try tokens {
        $0.rules.ignoresEnd = true
        $0.rules.stopTokens = [Self.end]
      }.isEmpty)
    #expect(try tokens { $0.rules.bannedTokens = [Self.end] }.count == 12)
  }

  @Test func stopStringsWaitForTheLeastNumberOfTokens() throws {
    let engine = try Self.engine()
    func text(_ change: (inout GenerationOptions) -> Void) throws -> (String, FinishReason?, Int) {
      let request = try engine.submit(Self.prompt, Self.options(60, change))
      let count = request.finishedTokens().count
      var bytes: [UInt8] = []
      request.forEachText(of: .answer) { text in
        for index in text.indices { bytes.append(text[index]) }
      }
      return (String(decoding: bytes, as: UTF8.self), request.ending?.reason, count)
    }
    let free = try text { _ in }.0
    // A letter that comes early and late.
    let letter = try #require(
      free.first { letter in
        letter.isASCII && letter.isLetter && free.prefix(12).contains(letter)
          && free.suffix(free.count / 3).contains(letter)
      })
    let list = try #require(StopList(byteCount: 1))
    let isAdded = list.append(Array(String(letter).utf8).span)
    #expect(isAdded)
    let early = try text { $0.stops = list }
    #expect(early.1 == .stopString && early.2 < 20 && !early.0.contains(letter))
    let late = try text {
      $0.stops = list
      $0.rules.minimumTokens = 20
    }
    #expect(late.1 == .stopString && late.2 > 20 && late.0.contains(letter))
    #expect(free.hasPrefix(late.0))
  }

  // MARK: Refusals

  @Test func whatIsOutOfRangeIsRefused() throws {
    let engine = try Self.engine()
    let many = [UInt32](repeating: 1, count: TokenRules.entryLimit + 1)
    let wrong: [(inout GenerationOptions) -> Void] = [
      { $0.sampling.presencePenalty = 2.1 }, { $0.sampling.presencePenalty = .nan },
      { $0.sampling.frequencyPenalty = -.infinity }, { $0.sampling.frequencyPenalty = -2.1 },
      { $0.sampling.repetitionPenalty = 0 }, { $0.sampling.repetitionPenalty = .nan },
      { $0.rules.biases = [TokenBias(token: 1, bias: .nan)] },
      { $0.rules.biases = [TokenBias(token: 1, bias: -.infinity)] },
      { $0.rules.biases = [TokenBias(token: 1, bias: 100.1)] },
      { $0.rules.biases = [TokenBias(token: 512, bias: 1)] },
      { $0.rules.biases = many.map { TokenBias(token: $0, bias: 1) } },
      { $0.rules.bannedTokens = [512] }, { $0.rules.bannedTokens = many },
      { $0.rules.stopTokens = [.max] }, { $0.rules.stopTokens = many },
      { $0.rules.minimumTokens = -1 }, { $0.rules.minimumTokens = 9 },
      {
        $0.scoresPrompt = true
        $0.isPinned = true
      },
      {
        $0.prefill = SecureBuffer(capacity: 20_000)
        for _ in 0...16384 { $0.prefill?.append(0x61) }
      },
    ]
    let prompt = try #require(Self.tokens(Self.prompt))
    for (index, change) in wrong.enumerated() {
      do throws(VialError) {
        var options = Self.options(8)
        change(&options)
        _ = try engine.prepare(prompt: prompt, options: options)
        Issue.record("\(index) is taken")
      } catch {
        guard case .invalidOption = error else {
          Issue.record("\(index): \(error)")
          continue
        }
      }
    }
    #expect(
      try engine.tokens(Self.prompt, Self.options(8) { $0.rules.bannedTokens = [511] }).count == 8)
  }

  private static func tokens(_ ids: [UInt32]) -> SecureBuffer<UInt32>? {
    let tokens = SecureBuffer<UInt32>(capacity: ids.count)
    tokens?.append(contentsOf: ids.span)
    return tokens
  }

  /// Nothing is left to choose: the request ends and says why, its neighbours and the next one go on.
  @Test func aBanOfEverythingEndsItsRequest() throws {
    let engine = try Self.engine()
    let free = try engine.tokens(Self.prompt, Self.options(8))
    let doomed = try engine.submit(
      Self.prompt, Self.options(8) { $0.rules.bannedTokens = Array(0..<512) })
    let other = try engine.submit(Self.prompt, Self.options(8))
    #expect(doomed.finishedTokens().isEmpty)
    #expect(doomed.ending?.reason == .error && doomed.ending?.failure == .noCandidate)
    #expect(other.finishedTokens() == free)
    // Everything but the end is banned, and the end is barred until there are tokens.
    let barred = try engine.submit(
      Self.prompt,
      Self.options(8) {
        $0.rules.bannedTokens = (0..<512).filter { $0 != Self.end }
        $0.rules.minimumTokens = 1
      })
    _ = barred.events()
    #expect(barred.ending?.failure == .noCandidate)
  }
}
