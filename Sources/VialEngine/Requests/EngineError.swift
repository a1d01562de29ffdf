// Owns: why an engine refuses a request.
// Must not: hold text of a request.

/// Why the engine does not take a request.
package enum EngineError: Error, Sendable {
  /// The queue is full, or its tenant's part of it.
  case busy
  /// The engine is closing or closed.
  case closed
  /// The prompt does not fit context and KV cache, with one token of an answer.
  case promptTooLong
  /// There is nothing to continue.
  case emptyPrompt
  /// A token id is not in the model's vocabulary.
  case unknownToken
  /// The system gave no memory or thread.
  case outOfMemory
}
