// Owns: the norm weights of checkpoints that have them less 1, as they are multiplied by.
// Must not: touch other tensors.
// Source: transformers' Gemma3RMSNorm, whose 1 + weight is f32.

/// A vector of weights w as 1 + w, rounded once.
struct NormRows: TensorRows {
  let rows: any TensorRows

  func read(
    rows range: Range<Int>, into values: UnsafeMutableBufferPointer<Float>,
    scratch: UnsafeMutableRawBufferPointer
  ) throws(PackingError) {
    try rows.read(rows: range, into: values, scratch: scratch)
    for index in values.indices { values[index] += 1 }
  }
}
