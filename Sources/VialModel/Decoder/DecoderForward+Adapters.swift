// Owns: the low-rank products of a step in which some sequences use adapters, and their division
// among workers.
// Must not: cost anything in a step, or a row, without an adapter.
// Source: Spec/ARITHMETIC.md, rule 12; LoRA (Hu et al., 2021), batched by row as in Punica (Chen et
// al., 2023).
//
// t = A·x is computed between the preparation of x and the product with W, in units of (adapter,
// tile of A); u = B·t right after the product, by the worker that has the same outputs of W. So an
// adapter of many rows is read once a step, from where it lies in the file, and one barrier serves
// all adapters of a projection.

import Synchronization
import VialArchitectures
import VialCompute

/// Consecutive rows of a step that use the same adapter with the same factor.
struct AdaptedRows {
  let rows: Range<Int>
  let scale: Float
}

/// The rows of a step that use one adapter.
struct AdaptedGroup {
  let adapter: Adapter
  var runs: [AdaptedRows]
}

/// What the adapters of a step do to the projection that is computed now.
struct ActiveAdapters {
  /// An adapter that changes the projection.
  struct Part {
    let projection: LowRankProjection
    let runs: [AdaptedRows]
  }

  var parts: [Part] = []
}

extension DecoderForward {
  /// The rows of each adapter among the segments, which lie one after another.
  static func groups(of segments: [StepSegment]) -> [AdaptedGroup] {
    var groups: [AdaptedGroup] = []
    var row = 0
    for segment in segments {
      let rows = row..<row + segment.count
      row = rows.upperBound
      if let applied = segment.adapter { add(rows, applied, to: &groups) }
    }
    return groups
  }

  /// The groups of some rows of a step, numbered anew in the order given.
  static func groups(
    ofRows rows: [Int], in groups: [AdaptedGroup]
  ) -> [AdaptedGroup] {
    var result: [AdaptedGroup] = []
    for (index, row) in rows.enumerated() {
      for group in groups {
        guard let run = group.runs.first(where: { $0.rows.contains(row) }) else { continue }
        add(
          index..<index + 1, AppliedAdapter(adapter: group.adapter, scale: run.scale), to: &result)
      }
    }
    return result
  }

  private static func add(
    _ rows: Range<Int>, _ applied: AppliedAdapter, to groups: inout [AdaptedGroup]
  ) {
    guard let index = groups.firstIndex(where: { $0.adapter === applied.adapter }) else {
      groups.append(
        AdaptedGroup(
          adapter: applied.adapter, runs: [AdaptedRows(rows: rows, scale: applied.scale)]))
      return
    }
    // Neighbours of equal factor are one run, so that the kernels take several columns at once.
    if let last = groups[index].runs.last, last.rows.upperBound == rows.lowerBound,
      last.scale.bitPattern == applied.scale.bitPattern
    {
      groups[index].runs[groups[index].runs.count - 1] = AdaptedRows(
        rows: last.rows.lowerBound..<rows.upperBound, scale: last.scale)
    } else {
      groups[index].runs.append(AdaptedRows(rows: rows, scale: applied.scale))
    }
  }

  /// Finds the adapters of the step that change a projection of a layer, before its input is
  /// prepared.
  func activateAdapters(_ site: ProjectionSite, layer: Int) {
    guard !adaptedGroups.isEmpty else { return }
    activate(adaptedGroups) { $0.projection(layer: layer, site) }
  }

  /// The same for the head, whose rows were gathered.
  func activateHeadAdapters(rows: [Int]) {
    guard !adaptedGroups.isEmpty else { return }
    activate(Self.groups(ofRows: rows, in: adaptedGroups)) { $0.head }
  }

  private func activate(
    _ groups: [AdaptedGroup], _ projection: (Adapter) -> LowRankProjection?
  ) {
    activeAdapters.parts = groups.compactMap { group in
      projection(group.adapter).map { ActiveAdapters.Part(projection: $0, runs: group.runs) }
    }
  }

  /// Computes t = A·x for the active adapters; `input` holds x, unquantised.
  func multiplyByA(_ input: UnsafeMutablePointer<Float>, stride: Int) {
    let parts = activeAdapters.parts
    guard !parts.isEmpty, let buffers = adapterBuffers else { return }
    nextItem.store(0, ordering: .relaxed)
    computeTaken { [self] worker in
      var item = nextItem.add(1, ordering: .relaxed).oldValue
      var first = 0
      for part in parts {
        var offset = 0
        for case let pair? in part.projection {
          while item < first + pair.a.tileCount {
            multiply(
              pair.a, tile: item - first, from: (input, stride), part.runs,
              into: (buffers.intermediate + offset, buffers.stride))
            item = nextItem.add(1, ordering: .relaxed).oldValue
          }
          first += pair.a.tileCount
          offset += AdaptedWidths.width(pair)
        }
      }
    }
  }

  /// One tile of A with all rows that use it.
  private func multiply(
    _ a: WeightMatrix, tile: Int, from input: (base: UnsafeMutablePointer<Float>, stride: Int),
    _ runs: [AdaptedRows], into out: (base: UnsafeMutablePointer<Float>, stride: Int)
  ) {
    for run in runs {
      kernels.multiply(
        a, tiles: tile..<tile + 1,
        withRows: input.base + run.rows.lowerBound * input.stride, rowStride: input.stride,
        count: run.rows.count, out: out.base + run.rows.lowerBound * out.stride,
        stride: out.stride)
    }
  }

  /// Adds scale · B·t to some tiles of the outputs of a matrix, which this worker has just
  /// computed.
  func applyAdapters(
    matrix: Int, tiles: Range<Int>, out: UnsafeMutablePointer<Float>, stride: Int, worker: Int
  ) {
    guard !activeAdapters.parts.isEmpty, let buffers = adapterBuffers else { return }
    for part in activeAdapters.parts {
      guard matrix < part.projection.count, let pair = part.projection[matrix] else { continue }
      let offset = part.projection[..<matrix].reduce(0) { $0 + AdaptedWidths.width($1) }
      for run in part.runs {
        for first in Swift.stride(
          from: tiles.lowerBound, to: tiles.upperBound, by: AdapterBuffers.tilesAtOnce)
        {
          let some = first..<min(tiles.upperBound, first + AdapterBuffers.tilesAtOnce)
          for row in Swift.stride(
            from: run.rows.lowerBound, to: run.rows.upperBound, by: AdapterBuffers.rowsAtOnce)
          {
            add(
              pair, factor: pair.scale * run.scale, tiles: some,
              rows: row..<min(run.rows.upperBound, row + AdapterBuffers.rowsAtOnce),
              from: buffers.intermediate + offset, buffers, out: out, stride: stride, worker: worker
            )
          }
        }
      }
    }
  }

  /// One block of outputs of some rows.
  private func add(
    _ pair: LowRankPair, factor: Float, tiles: Range<Int>, rows: Range<Int>,
    from t: UnsafeMutablePointer<Float>, _ buffers: AdapterBuffers,
    out: UnsafeMutablePointer<Float>,
    stride: Int, worker: Int
  ) {
    let scratch = buffers.scratch(worker)
    let width = AdapterBuffers.tilesAtOnce * Tile.rows
    let outputs = pair.b.rows(of: tiles)
    kernels.multiply(
      pair.b, tiles: tiles, withRows: t + rows.lowerBound * buffers.stride,
      rowStride: buffers.stride,
      count: rows.count, out: scratch - outputs.lowerBound, stride: width)
    for (index, row) in rows.enumerated() {
      kernels.add(
        scratch + index * width, scale: factor, to: out + row * stride + outputs.lowerBound,
        count: outputs.count)
    }
  }
}
