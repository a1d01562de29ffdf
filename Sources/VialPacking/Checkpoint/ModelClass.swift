// Owns: which architecture a `config.json` is of, by the class that it names, and which of its
// objects has the text model's settings.
// Must not: read other settings.

import VialArchitectures
import VialText

/// The class of a checkpoint.
enum ModelClass {
  /// The architecture, and the settings of its text model: those of `config.json` itself, or its
  /// `text_config`.
  static func find(
    _ settings: Settings
  ) throws(PackingError) -> (architecture: Architecture, text: Settings) {
    let names = try settings.strings("architectures")
    for name in names {
      for known in Architecture.all where known.className == name || known.wrapperName == name {
        return (known, try text(of: settings, name, known))
      }
    }
    let list = Architecture.all.flatMap { [$0.className, $0.wrapperName].compactMap { $0 } }
    let known = list.joined(separator: ", ")
    if let name = names.first {
      throw settings.error(
        "unknown architecture \(PackingError.printable(name)); known are \(known)")
    }
    guard let type = try settings.string("model_type") else {
      throw settings.error("no `architectures` and no `model_type`")
    }
    guard let architecture = Architecture.named(type) else {
      throw settings.error("unknown model_type \(PackingError.printable(type)); known are \(known)")
    }
    return (architecture, settings)
  }

  /// The text model's settings: a wrapper's are nested.
  private static func text(
    of settings: Settings, _ name: String, _ architecture: Architecture
  ) throws(PackingError) -> Settings {
    guard architecture.wrapperName != nil, let text = try settings.object("text_config") else {
      guard name == architecture.className else {
        throw settings.error("no text_config, where \(name) has the settings of its text model")
      }
      return settings
    }
    if let type = try text.string("model_type"), type != architecture.name {
      throw text.error(
        "model_type \(PackingError.printable(type)) is not supported, only \(architecture.name)")
    }
    return text
  }
}
