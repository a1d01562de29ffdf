// What damage does to bytes: values that break arithmetic in fields, and damage without a plan.

extension SplitMix64 {
  /// Puts a value of the kind that breaks arithmetic into a field.
  mutating func damage(_ mutant: inout [UInt8], _ field: FileField) {
    guard field.offset + field.width <= mutant.count else { return }
    var old: UInt64 = 0
    for index in 0..<field.width {
      old |= UInt64(mutant[field.offset + index]) << UInt64(index * 8)
    }
    let size = UInt64(mutant.count)
    let candidates: [UInt64] = [
      0, 1, 2, .max, .max - 1, .max - 63, old &+ 1, old &- 1, old &* 2, old ^ (1 << (next() % 64)),
      1 << 31, (1 << 31) - 1, 1 << 32, (1 << 32) - 1, 1 << 63, (1 << 63) - 1, 1 << 62, 1 << 16,
      size, size &- 1, size &+ 1, size &- old, 64, 63, 128, 65_536, old &+ 64, old &- 64,
      old &+ 128, next(), next() % 256, next() % 4096,
    ]
    let value = candidates[below(candidates.count)]
    for index in 0..<field.width {
      mutant[field.offset + index] = UInt8(truncatingIfNeeded: value >> UInt64(index * 8))
    }
  }

  /// Damage without a plan: bytes anywhere, a cut, a tail, a stretch of zeros or of other bytes.
  mutating func damageBytes(_ mutant: inout [UInt8]) {
    let position = below(mutant.count)
    switch below(6) {
    case 0: mutant.removeSubrange(max(position, 1)...)
    case 1: mutant += [UInt8](repeating: UInt8(truncatingIfNeeded: next()), count: 1 + below(300))
    case 2:
      let end = min(mutant.count, position + 1 + below(64))
      for index in position..<end { mutant[index] = 0 }
    case 3:
      let source = below(mutant.count)
      for index in 0..<min(64, mutant.count - max(source, position)) {
        mutant[position + index] = mutant[source + index]
      }
    default: mutant[position] = UInt8(truncatingIfNeeded: next())
    }
  }
}
