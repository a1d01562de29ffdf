// Owns: the flag of the commands that answer: --lock-memory.
// Must not: lock.

import ArgumentParser
import Vial
import VialSystem

/// Whether memory with patients' text is kept out of swap.
struct MemoryArguments: ParsableArguments {
  @Flag(
    help: """
      Keep the KV cache and all other memory of the engine out of swap, and this process out of core files. Says how \
      much could not be locked (ulimit -l). The command line itself is readable by others (ps): give patients' text \
      by file or standard input.
      """)
  var lockMemory = false

  /// An engine with `options`, and a message when some of its memory could not be locked.
  func engine(_ model: Model, _ options: EngineOptions) throws -> Engine {
    var options = options
    options.locksMemory = lockMemory
    // Arguments, lines of input and printed answers pass through memory that is not wiped.
    if lockMemory { RunningProcess.forbidCoreFiles() }
    let engine = try Engine(model: model, options: options)
    let count = engine.memoryPromises.unlockedByteCount
    if lockMemory, count > 0 {
      StandardError.write(
        "\((count + 999_999) / 1_000_000) MB of memory could not be locked and can reach swap: raise the limit "
          + "(ulimit -l) or take less KV cache (--cache-memory)"
      )
    }
    return engine
  }
}
