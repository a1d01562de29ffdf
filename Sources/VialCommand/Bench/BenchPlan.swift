// Owns: which tests `vial bench` makes of its lists, what they need and how much work they are.
// Must not: compute.

import ArgumentParser
import VialEngine
import VialModel
import VialSystem

/// A list of numbers: `1,2,4`.
struct CountList: ExpressibleByArgument {
  let counts: [Int]

  init(_ counts: Int...) { self.counts = counts }

  init?(argument: String) {
    var counts: [Int] = []
    for field in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let count = Int(field), count >= 0 else { return nil }
      counts.append(count)
    }
    self.counts = counts
  }

  var defaultValueDescription: String { counts.map { "\($0)" }.joined(separator: ",") }
}

/// One line of the table: a kind of work, its sizes and its threads.
struct BenchTest {
  /// What is timed.
  enum Kind: String {
    /// Computing a prompt.
    case prefill
    /// Generating after a text.
    case decode
  }

  let kind: Kind
  /// Tokens of each sequence's prompt; 0 for decode.
  let prompt: Int
  /// Tokens generated in each sequence; 0 for prefill.
  let generate: Int
  /// Sequences computed together.
  let batch: Int
  /// Tokens that each sequence has before generating starts; 0 for prefill.
  let depth: Int
  let threads: Int

  static func prefill(_ prompt: Int, batch: Int, threads: Int) -> BenchTest {
    BenchTest(
      kind: .prefill, prompt: prompt, generate: 0, batch: batch, depth: 0, threads: threads)
  }

  static func decode(_ generate: Int, batch: Int, depth: Int, threads: Int) -> BenchTest {
    BenchTest(
      kind: .decode, prompt: 0, generate: generate, batch: batch, depth: depth, threads: threads)
  }

  /// Tokens that are timed, of all sequences.
  var tokenCount: Int { batch * (prompt + generate) }

  /// Positions that one sequence comes to have.
  var positionCount: Int { prompt + depth + generate }

  /// Positions of the KV cache, in whole rows of blocks.
  var cachePositions: Int {
    let block = KVCacheLayout.positionsPerBlock
    return batch * ((positionCount + block - 1) / block * block)
  }
}

/// All tests of one command, those with equal threads in a row.
struct BenchPlan {
  let tests: [BenchTest]

  /// Every combination. A length of 0 leaves a kind of test out.
  init(
    prompts: [Int], generates: [Int], batches: [Int], depths: [Int], threads: [Int]
  ) {
    var tests: [BenchTest] = []
    for threads in threads {
      for batch in batches {
        for prompt in prompts where prompt > 0 {
          tests.append(.prefill(prompt, batch: batch, threads: threads))
        }
        for depth in depths {
          for generate in generates where generate > 0 {
            tests.append(.decode(generate, batch: batch, depth: depth, threads: threads))
          }
        }
      }
    }
    self.tests = tests
  }

  /// Refuses what the model's context or this machine's memory cannot hold.
  func check(contextLength: Int, layout: KVCacheLayout) throws {
    if let test = tests.first(where: { $0.positionCount > contextLength }) {
      throw CommandFailure(
        "\(test.positionCount) positions do not fit the model's context of \(contextLength):"
          + " make --prompt, or --depth and --generate together, smaller", code: 2)
    }
    let needed = UInt64(clamping: cacheByteCount(layout: layout))
    if let available = AvailableMemory.byteCount, needed > available {
      throw CommandFailure(
        "the KV cache of the largest test needs \(ByteText.text(needed)),"
          + " \(ByteText.text(available)) of memory are available")
    }
  }

  /// Positions of the largest test's KV cache.
  var cachePositions: Int { tests.map(\.cachePositions).max() ?? 0 }

  /// The most bytes of it that a test touches; `Int.max` when they do not fit an Int.
  private func cacheByteCount(layout: KVCacheLayout) -> Int {
    let blockCount = tests.map {
      layout.blockCount(positionCount: $0.cachePositions, textCount: $0.batch)
    }
    let (byteCount, overflow) = layout.blockByteCount.multipliedReportingOverflow(
      by: blockCount.max() ?? 0)
    return overflow ? .max : byteCount
  }
}
