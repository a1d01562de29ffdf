// The vectors of the data folder: published vocabularies, ids from Hugging Face `tokenizers`.
// Skips with a line where the folder is absent; `FixtureVectorTests` covers the same ground.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialPacking
import VialText

@Suite(.enabled(if: Files.data != nil, "the data folder is not here (VIAL_DATA)"))
struct SharedVectorTests {
  private func folder(_ name: String) throws -> URL {
    try #require(Files.data).appending(path: "tokenizers/\(name)")
  }

  @Test(arguments: ["qwen2", "deepseek-r1-distill-qwen", "llama-3"])
  func vectors(_ name: String) throws {
    let tokenizer = try TestTokenizer(folder: folder(name))
    let vectors = try Files.lines(folder("vectors/\(name).vectors.jsonl.xz")).map(Vector.init)
    #expect(vectors.count == 224)
    for vector in vectors {
      #expect(try tokenizer.encode(vector.text) == vector.ids)
      #expect(tokenizer.decode(vector.ids) == vector.decoded)
      let stream = TestTokenizer.stream(tokenizer.tokenizer, vector.ids)
      #expect(stream.flatMap { $0 } == vector.decoded)
    }
  }

  @Test(arguments: [
    ("qwen2", "qwen2"), ("deepseek-r1-distill-qwen", "qwen2"), ("llama-3", "llama-bpe"),
  ])
  func llamaVectors(_ name: String, _ file: String) throws {
    let tokenizer = try TestTokenizer(folder: folder(name))
    let base = try folder("llama.cpp-vectors/ggml-vocab-\(file).gguf")
    let input = String(decoding: try Files.read(base.appendingPathExtension("inp")), as: UTF8.self)
    let texts = input.components(separatedBy: "\n__ggml_vocab_test__\n")
    let output = String(decoding: try Files.read(base.appendingPathExtension("out")), as: UTF8.self)
    let lines = output.components(separatedBy: "\n")
    #expect(texts.count == 47)
    for (text, line) in zip(texts, lines) {
      let ids = line.split(separator: " ").compactMap { UInt32($0) }
      #expect(try tokenizer.encode(Array(text.utf8)) == ids)
    }
  }
}

/// Vectors from elsewhere: `VIAL_VECTORS=tokenizer-folder:vectors.jsonl`, as
/// `Tests/Scripts/compare_tokenizers.py --vectors` writes them.
@Suite(.enabled(if: ProcessInfo.processInfo.environment["VIAL_VECTORS"] != nil))
struct ExtraVectorTests {
  @Test func vectors() throws {
    let paths = try #require(ProcessInfo.processInfo.environment["VIAL_VECTORS"])
      .split(separator: ":").map { URL(filePath: String($0)) }
    let tokenizer = try TestTokenizer(folder: paths[0])
    let vectors = try Files.lines(paths[1]).map(Vector.init)
    var encodings = 0
    var decodings = 0
    for vector in vectors {
      let ids = try tokenizer.encode(vector.text)
      if ids == vector.ids { encodings += 1 } else { report(vector, ids) }
      if vector.decoded == nil || tokenizer.decode(vector.ids) == vector.decoded { decodings += 1 }
    }
    print(
      "\(paths[0].lastPathComponent): \(encodings) encodings, \(decodings) decodings",
      "of \(vectors.count) equal")
    #expect(encodings == vectors.count)
    #expect(decodings == vectors.count)
  }

  private func report(_ vector: Vector, _ ids: [UInt32]) {
    print("text \(vector.text)\n  expected \(vector.ids)\n  got      \(ids)")
  }
}

/// Chat renderings of the data folder.
@Suite(.enabled(if: Files.data != nil, "the data folder is not here (VIAL_DATA)"))
struct SharedChatVectorTests {
  @Test(arguments: ["deepseek-r1-distill-qwen", "qwen2"])
  func chatVectors(_ name: String) throws {
    let root = try #require(Files.data).appending(path: "tokenizers")
    let folder = root.appending(path: name)
    let tokenizer = try TestTokenizer(folder: folder)
    let config = try JSONReader.parse(
      Files.read(folder.appending(path: "tokenizer_config.json")))
    let source = try #require(ChatTemplateCompiler.template(in: config))
    let template = try TestTemplate(source, specialTokens: tokenizer.tables.specialTokens)
    #expect(template.compiled.warnings == [])
    let file = try JSONReader.parse(Files.read(root.appending(path: "vectors/chat_vectors.json")))
    let vectors = try #require(file.array).filter { $0["tokenizer"]?.text == name }
    #expect(vectors.count == 8)
    for vector in vectors {
      let messages = try #require(vector["messages"]?.array).map(TestMessage.init)
      for isLiteral in [false, true] {
        let rendered = try template.render(
          messages, addsGenerationPrompt: vector["add_generation_prompt"]?.bool ?? false,
          isLiteral: isLiteral)
        #expect(rendered.text == vector["text"]?.string?.bytes)
        let ids = try tokenizer.encode(rendered.text, literals: rendered.literals)
        if !isLiteral { #expect(ids == Vector(vector).ids) }
      }
    }
  }
}
