// Owns: shapes and word layouts of the three 4-bit formats.
// Must not: read anything.
// Source: AutoGPTQ (nn_modules/qlinear), AutoAWQ (modules/linear/gemm.py), compressed-tensors
// (compressors/pack_quantized).

/// What a layer of known size must look like in a format.
struct PackedLinearShapes {
  private let layout: SourceQuantization.Layout
  private let outputs: Int
  private let inputs: Int
  private let groups: Int

  init(_ layout: SourceQuantization.Layout, outputs: Int, inputs: Int, groups: Int) {
    self.layout = layout
    self.outputs = outputs
    self.inputs = inputs
    self.groups = groups
  }

  /// AutoAWQ's order within a word: outputs 0, 2, 4, 6, 1, 3, 5, 7 from the lowest bits up.
  private static let interleavedOrder: UInt32 = 0x7362_5140

  private static func wordCount(_ count: Int) -> Int { (count + 7) / 8 }

  /// Formats that pack along the outputs have no room for a rest.
  func checkDivisible(_ name: String) throws(PackingError) {
    guard layout != .compressedTensors else { return }
    guard outputs % 8 == 0, inputs % 8 == 0 else {
      throw PackingError(
        "tensor \(name) is \(outputs) × \(inputs); quantised layers need multiples of 8")
    }
  }

  var words: [Int] {
    switch layout {
    case .gptq: return [inputs / 8, outputs]
    case .awq: return [inputs, outputs / 8]
    case .compressedTensors: return [outputs, Self.wordCount(inputs)]
    }
  }

  var scales: [Int] { layout == .compressedTensors ? [outputs, groups] : [groups, outputs] }

  var zeros: [Int] {
    layout == .compressedTensors ? [Self.wordCount(outputs), groups] : [groups, outputs / 8]
  }

  /// How the words of the weight lie.
  var wordLayout: NibbleGrid.Layout {
    switch layout {
    case .gptq: return .init(axis: .inputs, outputStride: 1, inputStride: outputs)
    case .awq:
      return .init(
        axis: .outputs, outputStride: 1, inputStride: outputs / 8,
        order: Self.interleavedOrder)
    case .compressedTensors:
      return .init(axis: .inputs, outputStride: Self.wordCount(inputs), inputStride: 1)
    }
  }

  /// How the words of the zero points lie, groups in the place of inputs.
  var zeroLayout: NibbleGrid.Layout {
    switch layout {
    case .gptq: return .init(axis: .outputs, outputStride: 1, inputStride: outputs / 8)
    case .awq:
      return .init(
        axis: .outputs, outputStride: 1, inputStride: outputs / 8,
        order: Self.interleavedOrder)
    case .compressedTensors: return .init(axis: .outputs, outputStride: groups, inputStride: 1)
    }
  }
}
