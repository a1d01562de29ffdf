// Owns: one adapter of a model's file, bound to the layers that it changes.
// Must not: compute, or read A and B before somebody uses them.
// Source: Spec/FORMAT.md, "Adapters"; Spec/ARITHMETIC.md, rule 12; LoRA (Hu et al., 2021).

import Synchronization
import VialArchitectures
import VialCompute
public import VialFormat

/// The low-rank change of one matrix: y += scale · B·(A·x).
struct LowRankPair: Sendable {
  /// `[rank, inputs]`.
  let a: WeightMatrix
  /// `[outputs, rank]`.
  let b: WeightMatrix
  let scale: Float
}

/// The changes of the matrices of one projection, in their order.
typealias LowRankProjection = [LowRankPair?]

/// Where in a decoder an adapter's target is.
private struct TargetMatrix {
  let layer: Int
  let site: ProjectionSite
  let index: Int

  /// The matrix of `model.layers.N.MODULE.weight`; nil for any other name, or a layer that is
  /// not there.
  init?(_ name: String, _ architecture: Architecture, layerCount: Int) {
    let fields = name.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
    guard fields.count == 4, fields[0] == "model", fields[1] == "layers",
      let layer = Int(fields[2]), (0..<layerCount).contains(layer), fields[2] == String(layer),
      let (site, index) = architecture.linear(named: fields[3])
    else { return nil }
    self.layer = layer
    self.site = site
    self.index = index
  }
}

/// An adapter of a model's file, ready to be used by requests. Shareable between threads.
public final class Adapter: Sendable {
  /// What the file says about it.
  package let descriptor: AdapterDescriptor
  /// The name that requests choose it by.
  public var name: String { descriptor.name }
  /// Digest of its section: the same adapter has the same one in every file.
  public var digest: Digest { descriptor.section.digest }
  /// By layer and site. Sites without an entry are not changed, so memory follows the targets.
  private let projections: [Int: LowRankProjection]
  /// The change of an untied head.
  let head: LowRankProjection?
  private let file: VialFile
  /// Whether its bytes have to be held against their digest before their first use.
  private let isVerifiedLazily: Bool
  private let isChecked = Atomic<Bool>(false)

  /// Binds an adapter section of `file`.
  /// - Throws, `outOfMemory`.
  init(
    _ section: SectionDescriptor, of file: VialFile, isVerifiedLazily: Bool
  ) throws(FormatError) {
    guard let descriptor = try file.adapter(in: section) else {
      throw FormatError(rule: 641, offset: section.offset, "not an adapter")
    }
    try descriptor.check(base: file)
    let held = FormatLimits.adapterTargetWorkByteCount * descriptor.targets.count
    guard MemoryReserve.hold(held) else { throw .outOfMemory }
    defer { MemoryReserve.release(held) }
    let architecture = try DecoderBinder.architecture(of: file)
    var projections: [Int: LowRankProjection] = [:]
    var head: LowRankProjection?
    for (index, target) in descriptor.targets.enumerated() {
      let pair = try Adapter.pair(target, descriptor)
      if target.name == Self.headName, !file.configuration.isEmbeddingTied {
        head = [pair]
        continue
      }
      guard
        let matrix = TargetMatrix(
          target.name, architecture, layerCount: file.configuration.layerCount)
      else {
        throw FormatError(
          rule: 705, offset: section.offset + 128 + UInt64(index) * 64,
          "an adapter's target is not a linear layer of the model")
      }
      let none = LowRankProjection(repeating: nil, count: matrix.site.slots.count)
      projections[Adapter.key(matrix.layer, matrix.site), default: none][matrix.index] = pair
    }
    self.projections = projections
    self.head = head
    self.descriptor = descriptor
    self.file = file
    self.isVerifiedLazily = isVerifiedLazily
  }

  /// The head, unless it is the embedding.
  private static let headName = Architecture.ending.first { $0.role == .head }?.name(layer: nil)

  private static func key(_ layer: Int, _ site: ProjectionSite) -> Int {
    layer * ProjectionSite.allCases.count + site.rawValue
  }

  /// What changes there; nil when nothing does.
  func projection(layer: Int, _ site: ProjectionSite) -> LowRankProjection? {
    projections[Adapter.key(layer, site)]
  }

  private static func pair(
    _ target: AdapterTarget, _ adapter: AdapterDescriptor
  ) throws(FormatError) -> LowRankPair {
    let encoding = UInt8(target.encoding.rawValue)
    guard let inputs = UInt32(exactly: target.inputCount),
      let outputs = UInt32(exactly: target.outputCount),
      let a = WeightMatrix(
        region: target.a, encoding: encoding, rows: UInt32(target.rank), columns: inputs, group: 0,
        isAsymmetric: false),
      let b = WeightMatrix(
        region: target.b, encoding: encoding, rows: outputs, columns: UInt32(target.rank), group: 0,
        isAsymmetric: false)
    else {
      throw FormatError(
        rule: 642, offset: adapter.section.offset, "an adapter's target is too large")
    }
    return LowRankPair(a: a, b: b, scale: target.scale)
  }

  /// The adapter with a request's own factor, which multiplies every target's scale.
  ///
  /// A lazily verified file's adapter is read against its digest here, once, on the calling thread.
  /// - Throws: R-220 when it is damaged, R-644 when a scale would not be finite.
  public func applied(scale: Float = 1) throws(FormatError) -> AppliedAdapter {
    if isVerifiedLazily, !isChecked.load(ordering: .acquiring) {
      try file.checkDigest(of: descriptor.section)
      isChecked.store(true, ordering: .releasing)
    }
    guard descriptor.targets.allSatisfy({ ($0.scale * scale).isFinite }) else {
      throw FormatError(
        rule: 644, offset: descriptor.section.offset, "an adapter's scale is not finite")
    }
    return AppliedAdapter(adapter: self, scale: scale)
  }

  /// Floats of t = A·x that a row needs at most, for one projection.
  var intermediateWidth: Int {
    projections.values.reduce(AdaptedWidths(head).total) { max($0, AdaptedWidths($1).total) }
  }
}

/// Where the t of each matrix of a projection lies in a row: every one at a multiple of `Tile.rows`
/// floats.
struct AdaptedWidths {
  let total: Int

  init(_ projection: LowRankProjection?) {
    total = (projection ?? []).reduce(0) { $0 + AdaptedWidths.width($1) }
  }

  static func width(_ pair: LowRankPair?) -> Int { (pair?.a.tileCount ?? 0) * Tile.rows }
}

/// An adapter as one request uses it.
public struct AppliedAdapter: Sendable {
  /// The adapter.
  public let adapter: Adapter
  /// The request's factor.
  public let scale: Float

  /// What decides the adapter's part of an answer: caches of one identity may be shared, of two
  /// never.
  public struct Identity: Hashable, Sendable {
    /// Digest of the adapter's section.
    public let digest: Digest
    /// Bits of the factor.
    public let scaleBits: UInt32
  }

  /// See `Identity`.
  public var identity: Identity {
    Identity(digest: adapter.digest, scaleBits: scale.bitPattern)
  }
}
