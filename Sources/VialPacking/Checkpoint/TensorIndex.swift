// Owns: which tensor of a checkpoint lies in which file (one `model.safetensors`, or shards behind
// `model.safetensors.index.json`), and which of several sets of weights counts.
// Must not: read tensor data, or follow an index that lies or names a missing shard: both are
// refused.

import VialText

/// The tensors of a checkpoint by name.
struct TensorIndex: Sendable {
  /// Where one tensor is.
  struct Location: Sendable {
    var file: SourceFile
    var entry: SafetensorsEntry
  }

  /// The safetensors files, in the order of their names.
  private(set) var files: [SourceFile] = []
  /// Other weights that lie in the folder.
  private(set) var notices = PackNotices()
  private var locations: [JSONString: Location] = [:]

  static let singleName = "model.safetensors"
  static let indexName = "model.safetensors.index.json"
  /// Largest index file in bytes.
  static let maximumIndexByteCount = 100_000_000

  /// Opens the checkpoint's weight files in `folder` and checks their headers.
  init(folder: CheckpointFolder) throws(PackingError) {
    // As transformers looks for them: the single file first.
    if folder.has(Self.singleName) {
      try add(folder.open(Self.singleName))
    } else if folder.has(Self.indexName) {
      try openShards(folder)
    } else {
      throw PackingError(Self.complaint(folder))
    }
    nameOthers(folder)
  }

  private static func complaint(_ folder: CheckpointFolder) -> String {
    let names = folder.fileNames
    if let file = names.first(where: { $0.hasSuffix(".gguf") }) {
      return "no \(singleName) in the folder; give the GGUF file itself, such as"
        + " \(PackingError.printable(file))"
    }
    if names.contains(where: { $0.hasSuffix(".safetensors") }) {
      return "no \(singleName) and no \(indexName) in the checkpoint, which would say which of its"
        + " .safetensors files are the model's"
    }
    return "no \(singleName) and no \(indexName) in the checkpoint"
      + " (other weight formats are not read; --random-weights needs none)"
  }

  /// Weights that are not these: another format's, an earlier saving's, an adapter's.
  private mutating func nameOthers(_ folder: CheckpointFolder) {
    let taken = Set(files.map(\.name))
    let endings = [
      ".safetensors", ".bin", ".gguf", ".pth", ".pt", ".npz", ".h5", ".msgpack", ".onnx",
    ]
    let ofTraining = ["optimizer", "scheduler", "rng_state", "training_args", "scaler"]
    let others = folder.fileNames.filter { name in
      !taken.contains(name) && endings.contains(where: name.hasSuffix)
        && !ofTraining.contains(where: name.hasPrefix)
    }
    let set = taken.count == 1 ? files[0].name : Self.indexName
    notices.omits(
      others,
      {
        "\(PackingError.printable($0)) is not of the weights that \(PackingError.printable(set)) holds or"
          + " names; left out"
      }, kind: "files")
    if folder.has(PEFTAdapter.configName) {
      notices.differs(
        "\(PEFTAdapter.configName) lies in the folder; transformers would add that adapter, here --adapter"
          + " NAME=FOLDER does")
    }
  }

  /// All names, sorted by their bytes.
  var names: [JSONString] {
    locations.keys.sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
  }

  /// Takes the names of a wrapper's text model for those that it has by itself.
  mutating func nameAsTextModel() throws(PackingError) {
    var renamed: [JSONString: Location] = [:]
    for name in names {
      let own = JSONString(WrapperNames.plain(name.text))
      guard let location = locations[name] else { continue }
      guard renamed.updateValue(location, forKey: own) == nil else {
        throw PackingError(
          "tensor \(PackingError.printable(own.bytes)) is in the checkpoint under two names, one of them"
            + " \(PackingError.printable(name.bytes))")
      }
    }
    locations = renamed
  }

  /// Where `name` is, or nil.
  func location(_ name: String) -> Location? { locations[JSONString(name)] }

  private mutating func openShards(_ folder: CheckpointFolder) throws(PackingError) {
    let bytes = try folder.read(Self.indexName, limit: Self.maximumIndexByteCount)
    let settings = try Settings(parsing: bytes, fileName: Self.indexName, isStrict: true)
    guard let map = try settings.object("weight_map") else { throw settings.error("no weight_map") }
    var shardOf: [JSONString: JSONString] = [:]
    for member in map.allMembers {
      guard let shard = member.value.string, Self.isPlainFileName(shard.bytes) else {
        throw map.error("\(PackingError.printable(member.key.bytes)) names no file of this folder")
      }
      shardOf[member.key] = shard
    }
    let shards = Set(shardOf.values).sorted { $0.bytes.lexicographicallyPrecedes($1.bytes) }
    guard !shards.isEmpty, shards.count <= 10_000 else {
      throw map.error("names no shard, or more than 10000")
    }
    for shard in shards {
      guard folder.has(shard.text) else {
        throw PackingError(
          "\(Self.indexName): shard \(PackingError.printable(shard.bytes)) is missing")
      }
      try add(folder.open(shard.text))
    }
    for (name, shard) in shardOf where locations[name].map({ JSONString($0.file.name) }) != shard {
      throw PackingError(
        "\(Self.indexName): tensor \(PackingError.printable(name.bytes)) is not in"
          + " \(PackingError.printable(shard.bytes))")
    }
  }

  /// Whether a file name from the index stays inside the folder.
  private static func isPlainFileName(_ bytes: [UInt8]) -> Bool {
    !bytes.isEmpty && bytes.count <= 255 && bytes[0] != UInt8(ascii: ".")
      && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "/") }
  }

  private mutating func add(_ file: SourceFile) throws(PackingError) {
    let header = try Self.header(of: file)
    files.append(file)
    for entry in header.entries {
      guard locations.updateValue(Location(file: file, entry: entry), forKey: entry.name) == nil
      else {
        throw PackingError(
          "\(file.name): tensor \(PackingError.printable(entry.name.bytes)) is in another shard too"
        )
      }
    }
  }

  /// Reads and checks the header of a safetensors file.
  static func header(of file: SourceFile) throws(PackingError) -> SafetensorsHeader {
    let length = try SafetensorsHeader.byteCount(
      file.bytes(at: 0, count: Int(min(8, file.byteCount))), fileByteCount: file.byteCount,
      fileName: file.name)
    return try SafetensorsHeader(
      parsing: file.bytes(at: 8, count: length), fileByteCount: file.byteCount,
      fileName: file.name)
  }
}
