// A token stream is a function of its own inputs: random batches of 1 to 16 sequences, computed in random pieces on 1 to
// 8 threads by every family, give each sequence what it gets alone from the scalar reference, token by token.

import TestSupport
import Testing
import VialCompute
import VialEngine
import VialFormat
import VialModel
import VialPacking
import VialSystem

@Suite struct StreamPropertyTests {
  private static let recipes = [
    WeightRecipe(weights: .int4, group: .of32),
    WeightRecipe(weights: .int4, group: .of128, embedding: .int4, head: .int4),
    WeightRecipe(weights: .int4, group: .of64, embedding: .int4, head: .int4, grid: .codebook),
    WeightRecipe(weights: .int8, group: .of64), WeightRecipe(weights: .f16),
  ]

  /// One text to continue.
  private struct Text {
    let prompt: [UInt32]
    let generate: Int
    let sampling: SamplingParameters
  }

  @Test(arguments: recipes, KVCacheType.allCases)
  func streamsDoNotDependOnHowTheyAreComputed(
    _ recipe: WeightRecipe, _ cacheType: KVCacheType
  ) throws {
    let weights = try ModelFile(path: PackedModel.path("qwen2-tiny-untied", recipe)).weights()
    var random = SeededGenerator(seed: 17)
    let tasks = (0..<16).map { index in
      Text(
        prompt: (0..<1 + random.below(100)).map { _ in UInt32(random.below(480)) },
        generate: 1 + random.below(12),
        sampling: SamplingParameters(
          temperature: index % 3 == 0 ? 0 : 1, topK: 50, topP: 0.95, seed: UInt64(index)))
    }
    let alone = try tasks.map { task in
      var random = SeededGenerator(seed: 1)
      return try Self.streams(
        [task], weights, cacheType, threads: 1, family: KernelFamily(named: "reference"), chunk: 1,
        &random)[0]
    }
    for family in KernelFamily.available {
      for count in [1, 2, 3, 5, 8, 9, 16] {
        let first = random.below(tasks.count - count + 1)
        let (threads, chunk) = (1 + random.below(8), 1 + random.below(150))
        let streams = try Self.streams(
          Array(tasks[first..<first + count]), weights, cacheType, threads: threads,
          family: family, chunk: max(chunk, count), &random)
        #expect(
          streams == Array(alone[first..<first + count]),
          "\(family.name), \(count) sequences from \(first), \(threads) threads, chunks of \(chunk)"
        )
      }
    }
  }

  /// What every task generates when a step takes a random part of what is pending.
  /// What was drawn for one text, on one worker.
  private final class Draw {
    var token: UInt32?
    var alternatives: [TokenAlternative] = []
  }

  private static func streams(
    _ tasks: [Text], _ weights: DecoderWeights, _ cacheType: KVCacheType, threads: Int,
    family: KernelFamily?, chunk: Int, _ random: inout SeededGenerator
  ) throws -> [[UInt32]] {
    let runner = try ModelRunner(
      weights: weights,
      options: RunnerOptions(
        compute: ComputeOptions(
          cacheType: cacheType, threadCount: threads, family: family, chunkSize: chunk),
        positionCount: 64 * 2 * tasks.count))
    let sampler = try Sampler(
      runner: runner, idCount: runner.vocabularySize, workerCount: runner.logitWorkerCount)
    let sequences = try tasks.map { task in
      let sequence = try #require(TokenSequence(capacity: 128, pool: runner.blocks))
      for id in task.prompt { sequence.tokens.append(id) }
      return sequence
    }
    let draws = tasks.map { _ in Draw() }
    while true {
      var room = runner.chunkSize
      var items: [(task: Int, item: StepItem)] = []
      for (index, sequence) in sequences.enumerated() where sequence.pendingCount > 0 && room > 0 {
        guard items.isEmpty || random.below(4) > 0 else { continue }
        let count = 1 + random.below(min(room, sequence.pendingCount))
        items.append((index, StepItem(sequence: sequence, tokenCount: count)))
        room -= count
      }
      guard !items.isEmpty else { break }
      func draw(_ worker: Int, _ index: Int, _ logits: UnsafeMutablePointer<Float>) {
        let draw = draws[items[index].task]
        draw.token =
          sampler.choose(
            logits: logits, parameters: tasks[items[index].task].sampling,
            position: items[index].item.sequence.tokens.count,
            alternatives: &draw.alternatives, worker: worker)?.token
      }
      runner.step(items.map(\.item), onLogits: draw) { index, result in
        let task = tasks[items[index].task]
        let sequence = items[index].item.sequence
        if case .failed(let error) = result { Issue.record("\(error)") }
        guard case .logits = result, let token = draws[items[index].task].token else { return }
        // The last token is drawn and not computed.
        if sequence.tokens.count < task.prompt.count + task.generate {
          sequence.tokens.append(token)
        }
      }
    }
    return zip(sequences, tasks).map { sequence, task in
      (task.prompt.count..<sequence.tokens.count).map { sequence.tokens.pointer[$0] }
    }
  }
}
