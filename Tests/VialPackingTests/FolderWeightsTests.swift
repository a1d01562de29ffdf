// Weights of a folder that are not what the settings say: heads of their own, one tensor for both, several sets.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking

@Suite struct FolderWeightsTests {
  private static let head = "lm_head.weight"
  private static let embedding = "model.embed_tokens.weight"

  /// A tied checkpoint whose weights are changed.
  private func tied(_ change: (inout SafetensorsFile) throws -> Void) throws -> Fixture {
    let fixture = try Fixture("qwen2-tiny-tied")
    var file = try SafetensorsFile(fixture.bytes("model.safetensors"))
    try change(&file)
    try fixture.write("model.safetensors", file.bytes())
    return fixture
  }

  private func floats(_ file: VialFile, _ name: String) throws -> [Float] {
    decoded(try #require(file.tensors.find(name)))
  }

  @Test func aHeadOfItsOwnIsKept() throws {
    let fixture = try tied { file in
      var head = try #require(file[Self.embedding])
      head.name = Self.head
      // The last row moves to the front.
      let row = head.data.count / head.shape[0]
      head.data = Array(head.data.suffix(row) + head.data.dropLast(row))
      file.tensors.append(head)
    }
    let (file, warnings, summary) = try fixture.packed(nil, WeightRecipe(weights: .f32))
    #expect(!file.configuration.isEmbeddingTied)
    let (head, embedding) = (try floats(file, Self.head), try floats(file, Self.embedding))
    #expect(Array(head.dropFirst(64)) == Array(embedding.dropLast(64)))
    #expect(head.prefix(64).elementsEqual(embedding.suffix(64)))
    #expect(warnings.contains { $0.contains("a head of their own") })
    #expect(summary.warningCount == warnings.count && summary.omissionCount == 0)
  }

  @Test func aHeadThatIsTheEmbeddingIsNotKeptTwice() throws {
    let fixture = try tied { file in
      var head = try #require(file[Self.embedding])
      head.name = Self.head
      file.tensors.append(head)
    }
    let (file, warnings, _) = try fixture.packed(nil, WeightRecipe(weights: .f32))
    #expect(file.configuration.isEmbeddingTied && file.tensors.find(Self.head) == nil)
    #expect(!warnings.contains { $0.contains("head") })
  }

  @Test func oneTensorMayHaveEitherName() throws {
    let fixture = try tied { file in
      let index = try #require(file.tensors.firstIndex { $0.name == Self.embedding })
      file.tensors[index].name = Self.head
    }
    let (file, warnings, _) = try fixture.packed(nil, WeightRecipe(weights: .f32))
    let usual = try Fixture("qwen2-tiny-tied").pack(WeightRecipe(weights: .f32))
    #expect(file.modelDigest == usual.modelDigest)
    #expect(warnings.contains { $0.contains("have no \(Self.embedding)") })
    // Without the tie there is nothing that stands for it.
    try FileManager.default.removeItem(atPath: fixture.output)
    try fixture.edit(
      "config.json", "\"tie_word_embeddings\": true", "\"tie_word_embeddings\": false")
    #expect(fixture.failure()?.contains("\(Self.embedding) is missing") == true)
  }

  /// As transformers looks: the single file before the shards; what else lies there is named.
  @Test func ofSeveralSetsTheSingleFileCounts() throws {
    let fixture = try Fixture("qwen2-tiny-untied")
    let shards = try fixture.pack(WeightRecipe(weights: .f32))
    var whole = SafetensorsFile()
    for name in ["model-00001-of-000002.safetensors", "model-00002-of-000002.safetensors"] {
      whole.tensors += try SafetensorsFile(fixture.bytes(name)).tensors
    }
    let norm = try #require(whole.tensors.firstIndex { $0.name == "model.norm.weight" })
    whole.tensors[norm].data = whole.tensors[norm].data.map { _ in 0 }
    try fixture.write("model.safetensors", whole.bytes())
    try fixture.write("pytorch_model.bin", [1])
    try fixture.write("optimizer.pt", [1])
    let (file, warnings, summary) = try fixture.packed(nil, WeightRecipe(weights: .f32))
    #expect(file.modelDigest != shards.modelDigest)
    #expect(try floats(file, "model.norm.weight").allSatisfy { $0 == 0 })
    let named = warnings.filter { $0.contains("left out") }
    #expect(named.count == 3 && summary.omissionCount == 3)
    #expect(named.contains { $0.hasPrefix("model-00001-of-000002.safetensors ") })
    #expect(named.contains { $0.hasPrefix("pytorch_model.bin ") })
  }

  @Test func weightsThatAreNotReadAreNamed() throws {
    let fixture = try Fixture("qwen2-tiny-tied")
    try FileManager.default.moveItem(
      at: fixture.url("model.safetensors"), to: fixture.url("other.safetensors"))
    #expect(fixture.failure()?.contains("which would say which") == true)
    try FileManager.default.moveItem(
      at: fixture.url("other.safetensors"), to: fixture.url("model.gguf"))
    #expect(fixture.failure()?.contains("give the GGUF file itself, such as model.gguf") == true)
  }

  /// Lists of names are cut, and counted whole.
  @Test func manyTensorsAreCounted() throws {
    let fixture = try tied { file in
      for index in 0..<30 {
        file.tensors.append(
          .init(name: "extra.\(10 + index)", type: "F32", shape: [1], data: [0, 0, 0, 0]))
      }
    }
    let (_, warnings, summary) = try fixture.packed()
    #expect(warnings.filter { $0.contains("extra.") }.count == 10)
    #expect(warnings.contains("20 more tensors of that kind; left out"))
    #expect(summary.omissionCount == 30)
  }
}
