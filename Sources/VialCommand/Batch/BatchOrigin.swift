// Owns: what an answer of a batch follows from (request, parts of the file, settings), as a member
// of the answer's line, and which of it differs between two runs.
// Must not: hold text of a request; of it there is a digest.

import Vial
import VialCompute
import VialFormat
import VialText

/// Everything but the request that an answer depends on. A model's name, an order or a number of
/// threads is none of it.
struct BatchOrigin: Hashable {
  /// A part: its key in the answer's line, and what is said when it differs.
  private static let parts: [(key: String, difference: String)] = [
    ("model_digest", "of another model"),
    ("chat_template_digest", "through another chat template"),
    ("template_digest", "through another form of its template"),
    ("adapter_digest", "with another adapter"), ("kv", "with another --kv"),
    ("raw", "with another --raw"), ("max_tokens", "with another --max-tokens"),
    ("arithmetic", "of another arithmetic"),
  ]
  /// JSON texts by key; a part without one is absent.
  private var values: [String: String] = [:]

  /// What all lines of a run share.
  init(_ model: Model, _ settings: BatchSettings) {
    set("model_digest", digest: model.file.modelDigest)
    values["kv"] = "\"\(settings.cacheType)\""
    values["raw"] = "\(settings.isRaw)"
    values["max_tokens"] = "\(settings.defaults.maximumTokens ?? -1)"
    values["arithmetic"] = "\(Arithmetic.version)"
  }

  /// What an answers file says; nil when it says something else.
  init?(_ value: JSONValue) {
    guard let members = value.object?.members else { return nil }
    for member in members {
      values[member.key.text] = String(decoding: member.value.compactText, as: UTF8.self)
    }
  }

  /// The same with the parts of the file that a line asks for. The model digest covers none of
  /// them: they may be changed in a finished file.
  func of(_ line: JSONValue, in file: VialFile) -> BatchOrigin {
    var origin = self
    let template = BatchRequest.member(line, "template")?.string?.text
    if template != nil || values["raw"] == "false" {
      origin.set(
        "chat_template_digest", digest: file.sectionTable.find(.chatTemplate, id: 0)?.digest)
    }
    if let template {
      let id = PromptTemplate.sectionID(of: template)
      origin.set("template_digest", digest: file.sectionTable.find(.promptTemplate, id: id)?.digest)
    }
    if let text = BatchRequest.member(line, "adapter")?.string?.text,
      let choice = AdapterChoice(argument: text)
    {
      let id = AdapterDescriptor.sectionID(ofName: choice.name)
      origin.set("adapter_digest", digest: file.sectionTable.find(.adapter, id: id)?.digest)
    }
    return origin
  }

  private mutating func set(_ key: String, digest: Digest?) {
    values[key] = digest.map { "\"\($0)\"" }
  }

  /// What differs, in words; nothing where all is the same.
  func differences(from other: BatchOrigin) -> [String] {
    Self.parts.filter { values[$0.key] != other.values[$0.key] }.map(\.difference)
  }

  /// The member `origin` of an answer's line.
  func write(to output: inout JSONOutput) {
    output.key("origin")
    output.object { output in
      for (key, _) in Self.parts {
        guard let value = values[key] else { continue }
        output.key(key)
        output.raw(value)
      }
    }
  }
}
