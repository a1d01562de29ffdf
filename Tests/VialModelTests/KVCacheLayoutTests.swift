// Where keys and values lie in a block (Spec/ARITHMETIC.md, rule 10).

import TestSupport
import Testing
import VialCompute
import VialModel
import VialPacking

@Suite struct KVCacheLayoutTests {
  /// Two layers of two KV heads of 16 dimensions.
  private static func weights() throws -> DecoderWeights {
    try ModelFile(path: PackedModel.path("qwen2-tiny-untied")).weights()
  }

  @Test(arguments: [(KVCacheType.f32, 4, 0), (.f16, 2, 0), (.int8, 1, 4)])
  func aBlockHoldsTheKeysAndValuesOf64Positions(
    _ type: KVCacheType, _ size: Int, _ scale: Int
  ) throws {
    let shape = try Self.weights().shape
    let layout = try #require(KVCacheLayout(type: type, shape: shape))
    let head = 2 * 64 * (shape.headDimension * size + scale)
    #expect(KVCacheLayout.positionsPerBlock == 64)
    #expect(layout.blockByteCount == shape.layerCount * shape.kvHeadCount * head)
  }

  /// Keys `[position/16][dimension][16]`, values `[position][dimension]`, for each layer and head.
  @Test func stepsWriteTheirOwnPositionsAlone() throws {
    let weights = try Self.weights()
    let shape = weights.shape
    let pass = try ForwardPass(weights, positions: 64)
    func floats() -> [Float] {
      pass.firstBlock().withUnsafeBytes { bytes in
        (0..<bytes.count / 4).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
      }
    }
    let ids: [UInt32] = (0..<20).map { $0 * 7 % 480 }
    for (start, end) in [(0, 3), (3, 17), (17, 20)] {
      let before = floats()
      _ = try pass.step([ForwardPass.Piece(sequence: 0, ids: ids[start..<end])])
      var written: Set<Int> = []
      for (index, (old, new)) in zip(before, floats()).enumerated() where old != new {
        written.insert(index)
      }
      let dimension = shape.headDimension
      var expected: Set<Int> = []
      for head in 0..<shape.layerCount * shape.kvHeadCount {
        let base = head * 2 * 64 * dimension
        for position in start..<end {
          for d in 0..<dimension {
            expected.insert(base + (position / 16 * dimension + d) * 16 + position % 16)
            expected.insert(base + (64 + position) * dimension + d)
          }
        }
      }
      #expect(written == expected)
    }
  }

  /// A layer's part begins where those of the layers before it end, and holds the layer's own keys.
  @Test func layersAndHeadsLieOneAfterAnother() throws {
    let weights = try Self.weights()
    let (pass, other) = (try ForwardPass(weights), try ForwardPass(weights))
    let head = pass.layout.blockByteCount / (weights.shape.layerCount * weights.shape.kvHeadCount)
    // The first layer's keys follow from the token and its position alone, the second's from all
    // tokens before it, too.
    _ = try pass.step([ForwardPass.Piece(sequence: 0, ids: [1, 2, 9])])
    _ = try other.step([ForwardPass.Piece(sequence: 0, ids: [3, 4, 9])])
    func key(_ pass: ForwardPass, _ layer: Int, _ kvHead: Int) -> [UInt8] {
      let start = (layer * weights.shape.kvHeadCount + kvHead) * head
      let block = pass.firstBlock()
      return (0..<weights.shape.headDimension).flatMap { d in
        block[start + (d * 16 + 2) * 4..<start + (d * 16 + 3) * 4]
      }
    }
    for kvHead in 0..<weights.shape.kvHeadCount {
      #expect(key(pass, 0, kvHead) == key(other, 0, kvHead))
      #expect(key(pass, 1, kvHead) != key(other, 1, kvHead))
    }
    #expect(key(pass, 0, 0) != key(pass, 0, 1))
  }
}

/// Layers of equal windows in groups of equal size.
@Suite struct LayerGroupTests {
  @Test func modelsWithoutWindowsHaveOneGroup() {
    for window in [0, 512] {
      let groups = LayerGroups(windows: [Int](repeating: window, count: 32))
      #expect(groups.layersPerGroup == 32)
      #expect(groups.windows == [window])
      #expect(groups.indices == Array(0..<32))
    }
  }

  /// One layer among many that differs does not cut all others into blocks of one layer.
  @Test(arguments: [(1000, 1), (40, 1), (1, 200)])
  func rareWindowsMakeFewGroups(_ full: Int, _ windowed: Int) {
    let windows =
      [Int](repeating: 0, count: full) + [Int](repeating: 64, count: windowed)
    let groups = LayerGroups(windows: windows)
    #expect(groups.windows.count <= 64)
    let places = zip(groups.groups, groups.indices).map { [$0, $1] }
    #expect(Set(places).count == full + windowed)
  }

  /// Gemma's models: layers, every how manieth sees all, layers of a group, groups.
  @Test(arguments: [(34, 6, 5, 7), (26, 6, 2, 13), (18, 6, 3, 6), (62, 6, 6, 11), (26, 2, 13, 2)])
  func fewPlacesAreEmpty(_ layers: Int, _ pattern: Int, _ size: Int, _ count: Int) {
    let windows = (1...layers).map { $0 % pattern == 0 ? 0 : 1024 }
    let groups = LayerGroups(windows: windows)
    #expect(groups.layersPerGroup == size)
    #expect(groups.windows.count == count)
    let places = zip(groups.groups, groups.indices).map { [$0, $1] }
    #expect(Set(places).count == layers)
    #expect(groups.indices.allSatisfy { $0 < size })
    for (layer, group) in groups.groups.enumerated() {
      #expect(groups.windows[group] == windows[layer])
    }
  }
}
