// Owns: the value rules of tensors: finite numbers and scales, zero points up to 15, canonical
// padding.
// Must not: decode, or gain speed at the cost of clarity.
// Source: Spec/FORMAT.md, "Values" (R-601 … R-605).
// Each byte is read once.

/// Checks the values of one tensor, a range of tiles at a time.
struct TensorValueCheck {
  private let tensor: TensorDescriptor
  private let format: TensorFormat
  private let rows: Int
  private let columns: Int
  private let tilesPerSlice: Int
  private let tileByteCount: Int
  private let context: StaticString

  /// - Parameter context: what the tensor's offset counts from.
  init(_ tensor: TensorDescriptor, context: StaticString = "weights") {
    self.tensor = tensor
    self.context = context
    format = tensor.format
    rows = tensor.shape.rowCount
    columns = tensor.shape.columnCount
    tilesPerSlice = (rows + 15) / 16
    tileByteCount =
      tensor.layout == .plain
      ? tensor.byteCount : format.recordCount(columns: columns) * format.recordByteCount
  }

  /// Ranges of tiles of about 1 MiB; a plain tensor counts as one tile.
  static func pieces(of tensor: TensorDescriptor) -> [Range<Int>] {
    let check = TensorValueCheck(tensor)
    let tileCount = tensor.byteCount / max(1, check.tileByteCount)
    let step = max(1, (1 << 20) / max(1, check.tileByteCount))
    return stride(from: 0, to: tileCount, by: step).map { $0..<min($0 + step, tileCount) }
  }

  func byteCount(of range: Range<Int>) -> Int { range.count * tileByteCount }

  /// The first problem in some tiles.
  func problem(in range: Range<Int>) -> FormatError? {
    for tile in range {
      guard let region = tensor.region.slice(UInt64(tile * tileByteCount), UInt64(tileByteCount))
      else { return nil }
      let rowCount =
        tensor.layout == .plain ? 16 : min(16, rows - tile % tilesPerSlice * 16)
      let rule =
        format.encoding.isQuantized
        ? quantizedRule(region, rowCount) : floatRule(region, rowCount)
      if let rule { return error(rule, tile) }
    }
    return nil
  }

  private func error(_ rule: Int, _ tile: Int) -> FormatError {
    let offset = tensor.offset + UInt64(tile * tileByteCount)
    switch rule {
    case 601:
      return FormatError(rule: 601, offset: offset, context: context, "a weight is not finite")
    case 602:
      return FormatError(rule: 602, offset: offset, context: context, "a scale is not finite")
    case 603:
      return FormatError(rule: 603, offset: offset, context: context, "a zero point exceeds 15")
    case 604:
      return FormatError(rule: 604, offset: offset, context: context, "an int8 weight is -128")
    default:
      return FormatError(rule: 605, offset: offset, context: context, "padding is not canonical")
    }
  }

  /// Floats are finite; rows beyond the last are +0.
  private func floatRule(_ region: ByteRegion, _ rowCount: Int) -> Int? {
    let isFinite =
      switch format.encoding {
      case .f32: isFinite(region.column(UInt32.self, at: 0, count: count(region, 4)), 0x7F80_0000)
      case .f16: isFinite(region.column(UInt16.self, at: 0, count: count(region, 2)), 0x7C00)
      default: isFinite(region.column(UInt16.self, at: 0, count: count(region, 2)), 0x7F80)
      }
    guard isFinite else { return 601 }
    guard rowCount < 16 else { return nil }
    let width = format.encoding.bitCount / 8
    for column in 0..<columns {
      let start = column * 16 * width + rowCount * width
      if !region.bytes.isZero(start, (16 - rowCount) * width) { return 605 }
    }
    return nil
  }

  private func count(_ region: ByteRegion, _ width: Int) -> UInt64 {
    UInt64(region.byteCount / width)
  }

  /// Whether no element has all bits of the exponent mask set.
  private func isFinite<Bits: FixedWidthInteger & BitwiseCopyable>(
    _ column: ByteColumn<Bits>?, _ mask: Bits
  ) -> Bool {
    guard let span = column?.span else { return false }
    var bad: Bits = 0
    for index in span.indices { bad |= span[index] & mask == mask ? 1 : 0 }
    return bad == 0
  }

  /// Whether a tile without padding is right: almost every tile, so this is what takes the time.
  /// One pass over typed columns without a branch for each value; false leaves it to
  /// `quantisedRule` to find out why.
  private func isRight(_ region: ByteRegion) -> Bool {
    let (stride, group) = (format.recordByteCount, format.group)
    let weights = format.encoding == .int4 ? 8 * group : 16 * group
    guard let halves = region.column(UInt16.self, at: 0, count: count(region, 2)),
      let bytes = region.column(UInt8.self, at: 0, count: count(region, 1))
    else { return false }
    let (scales, zeros) = (halves.span, bytes.span)
    var (badScale, badByte): (UInt16, UInt8) = (0, 0)
    for record in 0..<format.recordCount(columns: columns) {
      let start = record * stride
      let row = scales.extracting((start + weights) / 2..<(start + weights) / 2 + 16)
      // An exponent of ones, and only that, carries into the sign.
      for index in 0..<16 { badScale |= (row[index] & 0x7C00) &+ 0x0400 }
      if format.encoding == .int8 {
        let weight = zeros.extracting(start..<start + weights)
        for index in weight.indices { badByte |= weight[index] == 0x80 ? 0x80 : 0 }
      } else if format.isAsymmetric {
        let zero = zeros.extracting(start + weights + 32..<start + weights + 48)
        for index in 0..<16 { badByte |= zero[index] & 0xF0 }
      }
    }
    return badScale & 0x8000 == 0 && badByte == 0
  }

  /// All records of one tile.
  private func quantizedRule(_ region: ByteRegion, _ rowCount: Int) -> Int? {
    if rowCount == 16, columns % format.group == 0, isRight(region) { return nil }
    let recordCount = format.recordCount(columns: columns)
    if format.encoding == .int8, let rule = int8WeightRule(region, recordCount) { return rule }
    let tile = region.bytes
    for record in 0..<recordCount {
      let bytes = tile.extracting(
        record * format.recordByteCount..<(record + 1) * format.recordByteCount)
      let columnCount = min(format.group, columns - record * format.group)
      let rule =
        format.encoding == .int4
        ? int4Rule(bytes, rowCount, columnCount) : int8Rule(bytes, rowCount, columnCount)
      if let rule { return rule }
    }
    return nil
  }

  /// No −128 among the weights. Typed access, because this reads every byte.
  private func int8WeightRule(_ region: ByteRegion, _ recordCount: Int) -> Int? {
    guard let bytes = region.column(UInt8.self, at: 0, count: UInt64(region.byteCount)) else {
      return nil
    }
    let span = bytes.span
    var bad: UInt8 = 0
    for record in 0..<recordCount {
      let start = record * format.recordByteCount
      for index in start..<start + 16 * format.group { bad |= span[index] == 0x80 ? 1 : 0 }
    }
    return bad == 0 ? nil : 604
  }

  private func scaleRule(_ record: RawSpan, _ start: Int, _ rowCount: Int) -> Int? {
    for row in 0..<16 {
      let scale = record.u16(start + row * 2)
      if scale & 0x7C00 == 0x7C00 { return 602 }
      if row >= rowCount && scale != 0 { return 605 }
    }
    return nil
  }

  private func int4Rule(_ record: RawSpan, _ rowCount: Int, _ columnCount: Int) -> Int? {
    let scales = 8 * format.group
    if let rule = scaleRule(record, scales, rowCount) { return rule }
    if format.isAsymmetric {
      for row in 0..<16 {
        let zero = record.u8(scales + 32 + row)
        if zero > 15 { return 603 }
        if row >= rowCount && zero != 8 { return 605 }
      }
    }
    guard rowCount < 16 || columnCount < format.group else { return nil }
    for row in 0..<16 {
      let zero = format.isAsymmetric ? record.u8(scales + 32 + row) : 8
      for column in (row < rowCount ? columnCount : 0)..<format.group {
        let byte = record.u8(column / 8 * 64 + row * 4 + column % 4)
        if (column % 8 < 4 ? byte & 15 : byte >> 4) != zero { return 605 }
      }
    }
    return nil
  }

  private func int8Rule(_ record: RawSpan, _ rowCount: Int, _ columnCount: Int) -> Int? {
    let scales = 16 * format.group
    if let rule = scaleRule(record, scales, rowCount) { return rule }
    guard rowCount < 16 || columnCount < format.group else { return nil }
    for row in 0..<16 {
      for column in (row < rowCount ? columnCount : 0)..<format.group
      where record.u8(column / 4 * 64 + row * 4 + column % 4) != 0 { return 605 }
    }
    return nil
  }
}
