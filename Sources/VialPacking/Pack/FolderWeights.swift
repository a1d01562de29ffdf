// Owns: the weights of a checkpoint folder before tensors are planned, and what they say against
// the settings, as transformers takes it: whether head and embedding are one, and which version of
// GPTQ's zero points they hold.
// Must not: keep tensor data.
// Source: transformers 5.23, `PreTrainedModel.tie_weights`.

import VialText

/// What the tensors of a folder say about themselves.
struct FolderWeights {
  static let embeddingName = "model.embed_tokens.weight"
  static let headName = "lm_head.weight"
  private static let chunkByteCount = 1 << 20

  let index: TensorIndex
  /// Whether the head is the embedding.
  private(set) var isTied: Bool
  /// What holds for quantised layers.
  private(set) var quantization: SourceQuantization?
  /// What is read otherwise than the settings say, and what is left out.
  private(set) var notices = PackNotices()

  /// Opens the weights of a folder whose settings were read.
  /// - Parameter isOfWrapper: whether names may be those of a model that this one is a part of.
  init(
    _ folder: CheckpointFolder, tied: Bool, quantization: SourceQuantization?,
    isOfWrapper: Bool = false
  ) throws(PackingError) {
    var index = try TensorIndex(folder: folder)
    if isOfWrapper { try index.nameAsTextModel() }
    self.index = index
    isTied = tied
    self.quantization = quantization
    notices = index.notices
    if tied { try settleHead() }
    try settleZeros()
  }

  /// Where a tensor lies. The one tensor of a tied pair may have either name.
  func location(_ name: String) -> TensorIndex.Location? {
    if let found = index.location(name) { return found }
    return isTied && name == Self.embeddingName ? index.location(Self.headName) : nil
  }

  /// A head of its own, beside an embedding, is kept, whatever the settings say: they are wrong,
  /// not the weights.
  private mutating func settleHead() throws(PackingError) {
    let packed = ["lm_head.qweight", "lm_head.weight_packed"].contains { index.location($0) != nil }
    guard let head = index.location(Self.headName) else {
      guard packed else { return }
      return untie()
    }
    guard let embedding = index.location(Self.embeddingName) else {
      notices.differs(
        "the weights have no \(Self.embeddingName); the tied \(Self.headName) is both, as in transformers"
      )
      return
    }
    if try !Self.areEqual(head, embedding) { untie() }
  }

  private mutating func untie() {
    isTied = false
    notices.differs(
      "config.json ties the head to the embedding, but the weights have a head of their own, which differs;"
        + " it is kept, as in transformers")
  }

  /// Whether two tensors have the same bytes.
  private static func areEqual(
    _ first: TensorIndex.Location, _ second: TensorIndex.Location
  ) throws(PackingError) -> Bool {
    let (a, b) = (first.entry, second.entry)
    guard a.element == b.element, a.shape == b.shape else { return false }
    var offset: UInt64 = 0
    while offset < a.byteCount {
      let count = Int(min(UInt64(chunkByteCount), a.byteCount - offset))
      guard
        try first.file.bytes(at: a.fileOffset + offset, count: count)
          == second.file.bytes(at: b.fileOffset + offset, count: count)
      else { return false }
      offset += UInt64(count)
    }
    return true
  }

  // MARK: Zero points

  /// GPTQ's versions differ by one in every zero point, and writers have named the wrong one.
  /// Symmetric layers give it away: all their numbers are 7 in the first version and 8 in the
  /// second, and nothing else has so many equal ones.
  private mutating func settleZeros() throws(PackingError) {
    guard var settings = quantization, case .gptq(let offset) = settings.layout,
      settings.isSymmetric != false || offset == 1
    else { return }
    let stored: UInt8 = offset == 1 ? 0x88 : 0x77
    var count = 0
    for name in index.names where name.bytes.ends(with: Array(".qzeros".utf8)) {
      guard let location = index.location(name.text), location.entry.byteCount <= 1 << 30 else {
        return
      }
      guard try location.bytes().allSatisfy({ $0 == stored }) else { return }
      count += 1
    }
    guard count > 0 else { return }
    settings.layout = .gptq(zeroOffset: 1 - offset)
    quantization = settings
    notices.differs(
      "all zero points are \(offset == 1 ? 8 : 7), so they are of checkpoint_format"
        + " \(offset == 1 ? "gptq_v2" : "gptq"), not \(offset == 1 ? "gptq" : "gptq_v2") as the settings say;"
        + " read as such")
  }
}

extension Array where Element == UInt8 {
  fileprivate func ends(with suffix: [UInt8]) -> Bool {
    count >= suffix.count && self[(count - suffix.count)...].elementsEqual(suffix)
  }
}
