// Owns: the recipe in words, for provenance and for the line that `vial pack` ends with.
// Must not: repeat what was asked: it is read off what is stored, because a source that is
// quantised already decides a part of it.

import VialArchitectures
import VialFormat

/// What a pack stores and how it came by it.
struct RecipeReport: Sendable, Equatable {
  /// A source that others quantised.
  struct Origin: Sendable, Equatable {
    /// `gptq`, `awq`, ...
    var name: String
    /// Its settings in one line.
    var summary: String
  }

  /// Encodings of the linear layers, the embedding and the head, joined by "+" where they differ.
  private(set) var weights: String
  private(set) var embedding: String
  private(set) var head: String
  /// Group of the linear layers, else of the other quantised tensors; nil when nothing is quantised
  /// or groups differ.
  private(set) var group: Int?
  /// `levels` where an int4 tensor has a codebook; nil when none has.
  private(set) var codebook: String?
  /// How quantised numbers were chosen; nil when nothing is quantised.
  private(set) var method: String?
  let origin: Origin?

  /// The report on tensors whose formats are decided.
  init(_ sources: TensorSources, import origin: Origin?) {
    self.origin = origin
    let linear = Self.formats(sources, .linear)
    let embedding = Self.formats(sources, .embedding)
    let head = Self.formats(sources, .head)
    weights = Self.names(linear)
    self.embedding = Self.names(embedding)
    self.head = head.isEmpty ? self.embedding : Self.names(head)
    let quantized = (linear + embedding + head).filter(\.encoding.isQuantized)
    let groups = Set(linear.filter(\.encoding.isQuantized).map(\.group))
    group = groups.count > 1 ? nil : quantized.first?.group
    if quantized.contains(where: { $0.codebook != nil }) { codebook = "levels" }
    if !quantized.isEmpty { method = Self.method(sources, origin) }
  }

  /// Says that linear layers were rounded by another method.
  mutating func setMethod(_ name: String) { method = name }

  /// Whether the linear layers are the source's own numbers.
  private static func method(_ sources: TensorSources, _ origin: Origin?) -> String {
    let matrices = sources.tensors.filter { $0.format?.encoding.isQuantized == true }
    let keeps = matrices.contains(where: \.keepsSource)
    let rounds = matrices.contains { !$0.keepsSource }
    guard let origin, keeps else { return "rtn" }
    return rounds ? "\(origin.name)+rtn" : origin.name
  }

  private static func formats(_ sources: TensorSources, _ role: TensorRole) -> [TensorFormat] {
    var out: [TensorFormat] = []
    for tensor in sources.tensors where tensor.planned.role == role {
      if let format = tensor.format, !out.contains(format) { out.append(format) }
    }
    return out
  }

  private static func names(_ formats: [TensorFormat]) -> String {
    var out: [String] = []
    for name in formats.map(\.encoding.name) where !out.contains(name) { out.append(name) }
    return out.joined(separator: "+")
  }

  /// One line, such as `weights int4, group 64, method rtn, embedding int8, head int8`.
  var summary: String {
    let prefix = origin.map { "imported \($0.name): " } ?? ""
    let group = group.map { ", group \($0)" } ?? ""
    let codebook = codebook.map { ", codebook \($0)" } ?? ""
    let method = method.map { ", method \($0)" } ?? ""
    return
      "\(prefix)weights \(weights)\(group)\(codebook)\(method), embedding \(embedding), head \(head)"
  }
}
