// Owns: how checkpoints of a model that sees images, too, name the tensors of its text model, and
// which tensors are those of its other parts.
// Must not: read tensors.
// Source: transformers 4.50 and later, Gemma3ForConditionalGeneration.

/// Names in checkpoints of a wrapper.
enum WrapperNames {
  /// What stands before the text model's names, and what those begin with by themselves: in files
  /// of earlier and of later versions of transformers.
  private static let spellings = [
    ("language_model.model.", "model."), ("language_model.lm_head", "lm_head"),
    ("model.language_model.", "model."),
  ]

  /// First parts of names of what is no text model.
  private static let otherParts = [
    "vision_tower", "vision_model", "multi_modal_projector", "audio_tower", "embed_vision",
    "embed_audio",
  ]

  /// The text model's own name of a tensor or module.
  static func plain(_ name: String) -> String {
    for (spelled, own) in spellings where name.hasPrefix(spelled) {
      return own + name.dropFirst(spelled.count)
    }
    return name
  }

  /// All names that a module of the text model may have in a wrapper, its own first.
  static func all(of module: String) -> [String] {
    [module]
      + spellings.compactMap { spelled, own in
        module.hasPrefix(own) ? spelled + module.dropFirst(own.count) : nil
      }
  }

  /// The part of a wrapper that a tensor or module belongs to; nil for the text model's.
  static func otherPart(of name: String) -> String? {
    let inner = name.hasPrefix("model.") ? name.dropFirst("model.".count) : name[...]
    return otherParts.first { inner.hasPrefix($0 + ".") }
  }

  /// What is said of tensors of other parts, all in one line; nil for none.
  static func notice(_ names: [String]) -> String? {
    let parts = Set(names.compactMap(otherPart)).sorted()
    guard !parts.isEmpty else { return nil }
    return
      "\(names.count) tensors of \(parts.joined(separator: " and ")) left out: the packed model"
      + " reads and writes text only"
  }
}
