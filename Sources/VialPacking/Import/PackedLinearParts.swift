// Owns: the tensors that a quantised linear layer is made of (found by name, compared with the
// configuration), and the wording of "the configuration says one thing and the tensors another".
// Must not: know tiles.

import VialText

/// The tensors of one module of a checkpoint.
struct PackedLinearParts {
  /// What the parts are called behind the module's name.
  struct Names {
    var words = "qweight"
    var scales = "scales"
    var zeros = "qzeros"
    var order = "g_idx"

    init(_ layout: SourceQuantization.Layout) {
      guard layout == .compressedTensors else { return }
      words = "weight_packed"
      scales = "weight_scale"
      zeros = "weight_zero_point"
      order = "weight_g_idx"
    }
  }

  private static let suffixes = [
    "qweight", "scales", "qzeros", "g_idx", "weight_packed", "weight_scale", "weight_zero_point",
    "weight_g_idx", "weight_shape",
  ]

  private let module: String
  private let index: TensorIndex

  init(_ module: String, _ index: TensorIndex) {
    self.module = module
    self.index = index
  }

  private func location(_ suffix: String) -> TensorIndex.Location? {
    index.location("\(module).\(suffix)")
  }

  /// Names of the parts that are there.
  var presentNames: [JSONString] {
    Self.suffixes.filter { location($0) != nil }.map { JSONString("\(module).\($0)") }
  }

  /// The settings that hold for this module; nil when it is not quantised. Tensors and settings
  /// must agree.
  func claimed(
    by quantization: SourceQuantization?
  ) throws(PackingError) -> SourceQuantization? {
    let packed = ["qweight", "weight_packed"].filter { location($0) != nil }
    let isPlain = location("weight") != nil
    guard let quantization else {
      guard let found = packed.first, !isPlain else { return nil }
      throw PackingError(
        "tensor \(module).\(found) is quantised, but config.json has no quantization_config")
    }
    if try quantization.excludes(module) {
      guard let found = packed.first else { return nil }
      throw PackingError(
        "tensor \(module).\(found) is quantised, but the quantisation settings (\(quantization.name))"
          + " leave that module out")
    }
    let wanted = Names(quantization.layout).words
    guard packed.isEmpty == isPlain, packed.isEmpty || packed == [wanted] else {
      throw PackingError(
        "module \(module) has both weight and \(packed.joined(separator: ", ")), but the quantisation"
          + " settings say \(quantization.name)")
    }
    guard !packed.isEmpty else {
      throw PackingError(
        "tensor \(module).weight is not quantised, but the quantisation settings say"
          + " \(quantization.name)")
    }
    return quantization
  }

  /// A part that must be there, with its type (nil: a float type) and shape.
  func required(
    _ suffix: String, _ type: String?, _ shape: [Int]
  ) throws(PackingError) -> TensorIndex.Location {
    guard let found = location(suffix) else {
      throw PackingError("tensor \(module).\(suffix) is missing from the checkpoint")
    }
    let entry = found.entry
    let label = "\(found.file.name): tensor \(module).\(suffix)"
    guard entry.shape == shape else {
      throw PackingError(
        "\(label) has shape \(entry.shape), but config.json and its quantisation settings need \(shape)"
      )
    }
    let isRight: Bool
    switch (entry.element, type) {
    case (.other(let name, _), let type?): isRight = name == type
    case (.float16, nil), (.bfloat16, nil), (.float32, nil): isRight = true
    default: isRight = false
    }
    guard isRight else {
      throw PackingError("\(label) is not \(type ?? "F16, BF16 or F32")")
    }
    return found
  }

  /// The zero points; nil where the settings say symmetric and the format then has none.
  func zeros(
    _ suffix: String, _ shape: [Int], _ quantization: SourceQuantization
  ) throws(PackingError) -> TensorIndex.Location? {
    if quantization.layout == .compressedTensors, quantization.isSymmetric == true {
      guard location(suffix) == nil else {
        throw PackingError(
          "tensor \(module).\(suffix) is there, but the quantisation settings say symmetric")
      }
      return nil
    }
    return try required(suffix, "I32", shape)
  }

  /// `weight_shape`, where there is one, must be the shape that config.json gives.
  func checkStatedShape(_ shape: [Int]) throws(PackingError) {
    guard let found = location("weight_shape") else { return }
    let label = "tensor \(module).weight_shape"
    guard found.entry.shape == [2], case .other(let type, let size) = found.entry.element,
      type == "I64" || type == "I32"
    else { throw PackingError("\(label) is not two whole numbers") }
    let bytes = try found.file.bytes(at: found.entry.fileOffset, count: 2 * size)
    for (position, wanted) in shape.enumerated() {
      let part = bytes[position * size..<(position + 1) * size]
      guard part.reversed().reduce(UInt64(0), { $0 << 8 | UInt64($1) }) == UInt64(wanted) else {
        throw PackingError("\(label) contradicts config.json, which needs \(shape)")
      }
    }
  }

  /// The group of each input, or nil when inputs stand together in ascending groups.
  func order(
    _ suffix: String, inputs: Int, group: Int, groups: Int, _ quantization: SourceQuantization
  ) throws(PackingError) -> [Int32]? {
    guard location(suffix) != nil else {
      guard quantization.layout == .compressedTensors, quantization.reordersInputs else {
        return nil
      }
      throw PackingError(
        "tensor \(module).\(suffix) is missing, but the quantisation settings say act-order")
    }
    let found = try required(suffix, "I32", [inputs])
    let bytes = try found.file.bytes(at: found.entry.fileOffset, count: inputs * 4)
    let indices = (0..<inputs).map { input in
      bytes.withUnsafeBytes { raw in
        Int32(littleEndian: raw.loadUnaligned(fromByteOffset: input * 4, as: Int32.self))
      }
    }
    if indices.indices.allSatisfy({ Int(indices[$0]) == $0 / group }) { return nil }
    guard indices.allSatisfy({ $0 >= 0 && Int($0) < groups }) else {
      throw PackingError("tensor \(module).\(suffix) names a group outside 0 to \(groups - 1)")
    }
    guard quantization.reordersInputs else {
      throw PackingError(
        "tensor \(module).\(suffix) orders the inputs, but the quantisation settings say desc_act false"
      )
    }
    return indices
  }
}
