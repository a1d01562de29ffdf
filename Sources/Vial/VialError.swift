// Owns: the one error type of the public API: what failed, in one plain sentence.
// Must not: hold text of a prompt or of an answer.

public import VialEngine
public import VialFormat
import VialModel
public import VialSystem
public import VialText

/// Why a call failed.
public enum VialError: Error, Sendable, CustomStringConvertible {
  /// The operating system refused.
  case system(SystemError)
  /// The file breaks a rule of its format.
  case format(FormatError)
  /// The text cannot be encoded.
  case text(TextError)
  /// The computation could not go on.
  case computation(RunnerError)
  /// The prompt has more tokens than the model's context allows.
  case promptTooLong(tokenCount: Int, contextLength: Int)
  /// There is nothing to continue.
  case emptyPrompt
  /// The file has no chat template that was compiled.
  case noChatTemplate
  /// The file has no adapter of that name; `Model.adapters` are those that it has.
  case unknownAdapter
  /// Values do not fit the prompt template.
  case template(PromptError)
  /// The answer cannot be held to this schema or these choices.
  case grammar(GrammarError)
  /// Options are out of range.
  case invalidOption(StaticString)
  /// Two models cannot be compared.
  case incomparable(StaticString)
  /// The engine's queue is full, or its tenant's part of it.
  case busy
  /// The engine is closing or closed.
  case closed
  /// The request was cancelled, or the Task that waits for it.
  case cancelled
  /// None of the keys that the caller trusts signed this file as it is.
  case untrusted(StaticString)
  /// Memory is short.
  case outOfMemory

  /// One line.
  public var description: String {
    switch self {
    case .system(let error): return error.description
    case .format(let error): return error.description
    case .text(let error): return error.description
    case .computation(let error): return error.description
    case .promptTooLong(let tokenCount, let contextLength):
      return "the prompt has \(tokenCount) tokens, context and KV cache allow \(contextLength)"
    case .emptyPrompt: return "the prompt is empty"
    case .noChatTemplate:
      return "the file has no chat template that could be compiled: it answers raw prompts only"
    case .unknownAdapter: return "the file has no adapter of this name"
    case .template(let error): return error.description
    case .grammar(let error): return error.description
    case .invalidOption(let sentence): return sentence.description
    case .incomparable(let sentence): return sentence.description
    case .busy: return "the engine's queue, or its tenant's part of it, is full"
    case .closed: return "the engine is closed"
    case .cancelled: return "the request was cancelled"
    case .untrusted(let sentence): return sentence.description
    case .outOfMemory: return "not enough memory"
    }
  }

  init(_ error: RunnerError) {
    switch error {
    case .damagedWeights(let error): self.init(error)
    default: self = .computation(error)
    }
  }

  init(_ error: ModelError) {
    switch error {
    case .system(let error): self = .system(error)
    case .format(let error): self.init(error)
    }
  }

  /// What is wrong with a file, or that nobody knows because memory is short.
  init(_ error: FormatError) { self = error.isOutOfMemory ? .outOfMemory : .format(error) }

  /// What is wrong with a text, or that memory is short.
  init(_ error: TextError) {
    if case .outOfMemory = error { self = .outOfMemory } else { self = .text(error) }
  }
}
