// Owns: the flag of the commands that answer: --lock-memory.
// Must not: lock.

import ArgumentParser
import Vial

/// Whether memory with patients' text is kept out of swap.
struct MemoryArguments: ParsableArguments {
  @Flag(
    help: """
      Keep the KV cache and all other memory of answers out of swap; says so when the limit (ulimit -l) does not allow it.
      """)
  var lockMemory = false

  /// An engine with `options`, and a message when some of its memory could not be locked.
  func engine(_ model: Model, _ options: EngineOptions) throws -> Engine {
    var options = options
    options.locksMemory = lockMemory
    let engine = try Engine(model: model, options: options)
    let count = engine.memoryPromises.unlockedByteCount
    if lockMemory, count > 0 {
      StandardError.write(
        "\((count + 999_999) / 1_000_000) MB of memory could not be locked (ulimit -l) and can reach swap"
      )
    }
    return engine
  }
}
