// Makes 4-bit checkpoints of known integers, scales and zero points in the layouts of GPTQ, AWQ and compressed-tensors,
// with the bit positions written out here once more, independent of the packer's.

import Foundation
import TestSupport
import VialFormat

/// A linear layer as integers.
struct QuantizedLayer {
  let outputs: Int
  let inputs: Int
  let group: Int
  var groupCount: Int { (inputs + group - 1) / group }
  /// `[output][input]`, 0 to 15.
  var q: [[Int]]
  /// `[output][group]`, 0 to 15.
  var zeros: [[Int]]
  /// `[output][group]`: bits of a bf16 number that f16 holds, too.
  var scales: [[Float]]
  /// The group of each input.
  var order: [Int]

  /// A layer of pseudo-random numbers.
  init(outputs: Int, inputs: Int, group: Int, symmetric: Bool, seed: UInt64) {
    var state = seed
    func next(_ bound: Int) -> Int {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Int(state >> 33) % bound
    }
    self.outputs = outputs
    self.inputs = inputs
    self.group = group
    let groups = (inputs + group - 1) / group
    q = (0..<outputs).map { _ in (0..<inputs).map { _ in next(16) } }
    zeros = (0..<outputs).map { _ in (0..<groups).map { _ in symmetric ? 8 : next(16) } }
    scales = (0..<outputs).map { _ in
      (0..<groups).map { _ in (next(2) == 0 ? -1 : 1) * Float(128 + next(128)) * 0x1p-14 }
    }
    order = (0..<inputs).map { $0 / group }
  }

  /// The weights, `[output][input]` in one array: f32(scale) · f32(q − zero).
  var weights: [Float] {
    (0..<outputs).flatMap { output in
      (0..<inputs).map { input in
        scales[output][order[input]] * Float(q[output][input] - zeros[output][order[input]])
      }
    }
  }

  /// Words of `count` × 8 numbers.
  private static func words(_ count: Int, _ number: (_ word: Int, _ place: Int) -> Int) -> [UInt8] {
    (0..<count).flatMap { word -> [UInt8] in
      let value = (0..<8).reduce(UInt32(0)) { $0 | UInt32(number(word, $1)) << UInt32(4 * $1) }
      return (0..<4).map { UInt8(truncatingIfNeeded: value >> UInt32(8 * $0)) }
    }
  }

  private static func halves(_ values: [Float], _ type: String) -> [UInt8] {
    values.flatMap { value -> [UInt8] in
      let bits = type == "F16" ? Float16(value).bitPattern : UInt16(value.bitPattern >> 16)
      return [UInt8(truncatingIfNeeded: bits), UInt8(truncatingIfNeeded: bits >> 8)]
    }
  }

  private static func integers(_ values: [Int], byteCount: Int) -> [UInt8] {
    values.flatMap { value in
      (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
  }

  private var scalesByGroup: [Float] {
    (0..<groupCount).flatMap { group in (0..<outputs).map { scales[$0][group] } }
  }

  /// GPTQ's tensors; `offset` is what stored zero points lack.
  func gptq(_ module: String, offset: Int) -> [SafetensorsFile.Tensor] {
    let words = Self.words(inputs / 8 * outputs) { q[$0 % outputs][$0 / outputs * 8 + $1] }
    let zeroWidth = outputs / 8
    let zeroWords = Self.words(groupCount * zeroWidth) {
      (zeros[$0 % zeroWidth * 8 + $1][$0 / zeroWidth] + 16 - offset) % 16
    }
    return [
      .init(name: module + ".qweight", type: "I32", shape: [inputs / 8, outputs], data: words),
      .init(
        name: module + ".qzeros", type: "I32", shape: [groupCount, zeroWidth], data: zeroWords),
      .init(
        name: module + ".scales", type: "F16", shape: [groupCount, outputs],
        data: Self.halves(scalesByGroup, "F16")),
      .init(
        name: module + ".g_idx", type: "I32", shape: [inputs],
        data: Self.integers(order, byteCount: 4)),
    ]
  }

  /// AutoAWQ's `gemm` tensors.
  func awq(_ module: String) -> [SafetensorsFile.Tensor] {
    let columns = [0, 2, 4, 6, 1, 3, 5, 7]
    let width = outputs / 8
    return [
      .init(
        name: module + ".qweight", type: "I32", shape: [inputs, width],
        data: Self.words(inputs * width) { q[$0 % width * 8 + columns[$1]][$0 / width] }),
      .init(
        name: module + ".qzeros", type: "I32", shape: [groupCount, width],
        data: Self.words(groupCount * width) { zeros[$0 % width * 8 + columns[$1]][$0 / width] }),
      .init(
        name: module + ".scales", type: "F16", shape: [groupCount, outputs],
        data: Self.halves(scalesByGroup, "F16")),
    ]
  }

  /// compressed-tensors' `pack-quantized` tensors, scales in bf16.
  func compressed(_ module: String, symmetric: Bool) -> [SafetensorsFile.Tensor] {
    let width = (inputs + 7) / 8
    var tensors: [SafetensorsFile.Tensor] = [
      .init(
        name: module + ".weight_packed", type: "I32", shape: [outputs, width],
        data: Self.words(outputs * width) { word, place in
          let input = word % width * 8 + place
          return input < inputs ? q[word / width][input] : 0
        }),
      .init(
        name: module + ".weight_scale", type: "BF16", shape: [outputs, groupCount],
        data: Self.halves(scales.flatMap { $0 }, "BF16")),
      .init(
        name: module + ".weight_shape", type: "I64", shape: [2],
        data: Self.integers([outputs, inputs], byteCount: 8)),
    ]
    if !symmetric {
      let data = Self.words((outputs + 7) / 8 * groupCount) {
        zeros[$0 / groupCount * 8 + $1][$0 % groupCount]
      }
      tensors.append(
        .init(
          name: module + ".weight_zero_point", type: "I32",
          shape: [(outputs + 7) / 8, groupCount], data: data))
    }
    return tensors
  }
}

/// A 4-bit checkpoint with the shape of `qwen2-tiny-tied`.
struct QuantizedCheckpoint {
  enum Kind: String, CaseIterable {
    case gptq, gptqV2, awq, compressed, compressedSymmetric
  }

  let fixture: Fixture
  private(set) var layers: [String: QuantizedLayer] = [:]

  /// Groups of `group` inputs, or of whole rows when nil; `reorder` gives GPTQ an act-order.
  init(_ kind: Kind, group: Int?, reorder: Bool = false) throws {
    fixture = try Fixture("qwen2-tiny-tied")
    var file = try SafetensorsFile(fixture.bytes("model.safetensors"))
    let isSymmetric = kind == .compressedSymmetric
    for tensor in file.tensors where tensor.name.hasSuffix("_proj.weight") {
      let module = String(tensor.name.dropLast(7))
      var layer = QuantizedLayer(
        outputs: tensor.shape[0], inputs: tensor.shape[1], group: group ?? tensor.shape[1],
        symmetric: isSymmetric, seed: UInt64(layers.count + 1))
      if reorder { layer.order = (0..<layer.inputs).map { $0 % layer.groupCount } }
      layers[tensor.name] = layer
      file.tensors.removeAll { $0.name == tensor.name }
      switch kind {
      case .gptq: file.tensors += layer.gptq(module, offset: 1)
      case .gptqV2: file.tensors += layer.gptq(module, offset: 0)
      case .awq: file.tensors += layer.awq(module)
      case .compressed, .compressedSymmetric:
        file.tensors += layer.compressed(module, symmetric: isSymmetric)
      }
    }
    try fixture.write("model.safetensors", file.bytes())
    try fixture.edit(
      "config.json", "\"use_cache\"",
      "\"quantization_config\": \(Self.settings(kind, group ?? -1, reorder)), \"use_cache\"")
  }

  private static func settings(_ kind: Kind, _ group: Int, _ reorder: Bool) -> String {
    switch kind {
    case .gptq, .gptqV2:
      let format = kind == .gptq ? "gptq" : "gptq_v2"
      return """
        {"quant_method": "gptq", "bits": 4, "group_size": \(group), "desc_act": \(reorder), \
        "sym": false, "checkpoint_format": "\(format)"}
        """
    case .awq:
      return """
        {"quant_method": "awq", "bits": 4, "group_size": \(group), "version": "gemm", \
        "zero_point": true, "modules_to_not_convert": null}
        """
    case .compressed, .compressedSymmetric:
      let strategy = group < 0 ? "channel" : "group"
      let size = group < 0 ? "null" : "\(group)"
      return """
        {"quant_method": "compressed-tensors", "format": "pack-quantized", "ignore": ["lm_head"], \
        "config_groups": {"group_0": {"targets": ["Linear"], "input_activations": null, \
        "weights": {"num_bits": 4, "type": "int", "strategy": "\(strategy)", "group_size": \(size), \
        "symmetric": \(kind == .compressedSymmetric), "actorder": null}}}}
        """
    }
  }
}
