// The tiny model with an adapter of every kind of target, as appending makes it.
// Owns: its numbers. Must not: use a packer; a hostile adapter need not come from one.
import VialFormat

extension TinyModel {
  /// Names, outputs and inputs of what the adapter changes.
  private static let targets: [(String, Int, Int)] = [
    ("mlp.down_proj", 24, 40), ("mlp.up_proj", 40, 24), ("self_attn.k_proj", 8, 24),
    ("self_attn.o_proj", 24, 16), ("self_attn.q_proj", 16, 24),
  ]

  /// The file with an adapter, in the generation after.
  public static let adapted: [UInt8] = {
    do { return try withAdapter() } catch { fatalError("no tiny adapter can be made: \(error)") }
  }()

  private static func withAdapter() throws -> [UInt8] {
    let file = try FormatReader.open(ByteRegion(copying: bytes))
    let encodings: [TensorEncoding] = [.f32, .f16, .bf16]
    let builder = try AdapterBuilder(
      name: "ward", base: file.modelDigest, isRankStabilised: false,
      targets: targets.enumerated().map { index, target in
        AdapterBuilder.Target(
          name: "model.layers.0.\(target.0).weight", encoding: encodings[index % 3],
          rank: index == 0 ? 17 : 2, alpha: 4, inputCount: target.2, outputCount: target.1)
      })
    let section = try builder.section { _, _, room in
      // Small numbers in the first row of every tile; the others are zeros, as padding is.
      for index in stride(from: 1, to: room.count, by: 64) { room[index] = 0x2C }
    }
    var appender = try FileAppender(file)
    try appender.add(.adapter, id: builder.sectionID, section)
    var changed = bytes
    for step in try appender.plan().steps {
      guard case .write(let region, let offset) = step else { continue }
      let end = Int(offset) + region.byteCount
      if end > changed.count {
        changed += [UInt8](repeating: 0, count: end - changed.count)
      }
      changed.replaceSubrange(Int(offset)..<end, with: region.copied())
    }
    return changed
  }

  /// A file of that adapter alone.
  public static let adapterFile: [UInt8] = {
    let file = try? FormatReader.open(ByteRegion(copying: adapted))
    guard let file, let section = file.sections.first(where: { $0.kind == .adapter }),
      let stored = file.storedBytes(of: section),
      let sink = try? AdapterFile.write(stored, id: section.id, to: MemorySink())
    else { fatalError("no file of an adapter can be made") }
    return sink.bytes
  }()
}
