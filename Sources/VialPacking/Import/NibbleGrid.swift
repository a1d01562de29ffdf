// Owns: a matrix of 4-bit numbers packed eight to a 32-bit word, along either axis and in any
// order: what GPTQ, AWQ and compressed-tensors differ in.
// Must not: know which tensor it holds.

/// A packed matrix of outputs × inputs (or outputs × groups), in memory.
struct NibbleGrid: Sendable {
  /// Which of the two coordinates shares a word with its neighbours.
  enum Axis: Sendable { case outputs, inputs }

  /// How a matrix lies in its words.
  struct Layout: Sendable {
    var axis: Axis
    /// Words from one output (or eight, along the packed axis) to the next; the same for inputs.
    var outputStride: Int
    var inputStride: Int
    /// Nibble i: the place in its word of the i-th of eight neighbours.
    var order: UInt32 = 0x7654_3210
  }

  private let bytes: [UInt8]
  private let layout: Layout

  /// `bytes` are the little-endian words; the caller has checked that they cover the matrix.
  init(bytes: [UInt8], layout: Layout) {
    self.bytes = bytes
    self.layout = layout
  }

  /// The number of an output and an input (or group), 0 to 15.
  func value(output: Int, input: Int) -> UInt8 {
    let word: Int
    let neighbor: Int
    switch layout.axis {
    case .outputs:
      word = (output >> 3) * layout.outputStride + input * layout.inputStride
      neighbor = output & 7
    case .inputs:
      word = output * layout.outputStride + (input >> 3) * layout.inputStride
      neighbor = input & 7
    }
    let index = Int(layout.order >> UInt32(neighbor * 4)) & 7
    let byte = bytes[word * 4 + index >> 1]
    return index & 1 == 0 ? byte & 15 : byte >> 4
  }
}
