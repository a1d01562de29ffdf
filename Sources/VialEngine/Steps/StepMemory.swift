// Owns: what steps leave behind: ids, activations, logits, scratch.
// Must not: be wiped in the midst of a step. The engine's thread has it.

import VialSystem

/// What computes an engine's steps, as far as it holds what patients' text became.
final class StepMemory {
  let runner: ModelRunner
  let sampler: Sampler

  init(runner: ModelRunner, sampler: Sampler) {
    self.runner = runner
    self.sampler = sampler
  }

  /// Wipes it. O(1) when no step was made since the last call, otherwise O(bytes that the largest
  /// of them wrote).
  func wipe() {
    runner.wipe()
    sampler.wipe()
    Traces.wipe(stackByteCount: Traces.textStackByteCount)
  }
}
