// `vial pack` as its users see it: one line for what is wrong with a checkpoint, and no leftovers.

import Foundation
import TestSupport
import Testing

@Suite struct PackCommandTests {
  private static let checkpoint = Files.fixtures
    .appendingPathComponent("checkpoints/llama3-tiny")

  /// A copy of the checkpoint in a folder of the test's own.
  private func copy(_ folder: TemporaryFolder) throws -> URL {
    let source = folder.url("source")
    try FileManager.default.copyItem(at: Self.checkpoint, to: source)
    return source
  }

  private func expectFailure(
    _ folder: TemporaryFolder, _ source: URL, saying word: String
  ) throws {
    let run = try CommandRun("pack", source.path, "-o", folder.path("out.vial"))
    #expect(run.status == 1)
    #expect(run.message.contains(word), "\(run.message)")
    #expect(folder.contents == ["source"])
  }

  @Test func theSameInputGivesTheSameBytes() throws {
    let folder = TemporaryFolder()
    for (name, threads) in [("a.vial", "1"), ("b.vial", "2"), ("c.vial", "3")] {
      let run = try CommandRun(
        "pack", Self.checkpoint.path, "-o", folder.path(name), "--threads", threads)
      #expect(run.status == 0)
      #expect(run.output.isEmpty)
    }
    let files = try ["a.vial", "b.vial", "c.vial"].map { try Data(contentsOf: folder.url($0)) }
    #expect(files[0] == files[1] && files[1] == files[2])
    #expect(folder.contents == ["a.vial", "b.vial", "c.vial"])
  }

  /// A file with a codebook says so, verifies, and gives the same logits on every instruction set.
  @Test func codebooksAreShown() throws {
    let folder = TemporaryFolder()
    let output = folder.path("levels.vial")
    let pack = try CommandRun(
      "pack", Self.checkpoint.path, "-o", output, "--weights", "int4", "--codebook", "levels")
    #expect(pack.status == 0 && pack.message.contains("codebook levels"), "\(pack.message)")
    #expect(try CommandRun("verify", output).status == 0)
    let dump = try CommandRun("dump", output)
    #expect(dump.output.contains("incompatible 0x2") && dump.output.contains("int4 g64 levels"))
    let name = "model.layers.0.mlp.up_proj.weight"
    let tensor = try CommandRun("dump", output, "--tensor", name, "--json").json()
    let levels = try #require(tensor["levels"] as? [Int])
    #expect(levels.count == 16 && levels == levels.sorted() && levels[0] >= -127)
    let text = try CommandRun("dump", output, "--tensor", name).output
    #expect(text.contains(levels.map(String.init).joined(separator: " ")))
    let norm = try CommandRun("dump", output, "--tensor", "model.norm.weight", "--json").json()
    #expect(norm["levels"] is NSNull)
    let ids = ["score", output, "--ids", "1,5,9,20,33,7,8", "--logits", "--json"]
    let reference = try CommandRun(arguments: ids + ["--isa", "reference"])
    #expect(reference.status == 0)
    #expect(try CommandRun(arguments: ids).output == reference.output)
    let bad = try CommandRun(
      "pack", Self.checkpoint.path, "-o", output, "--weights", "f16", "--codebook", "levels")
    #expect(bad.status == 2 && bad.message.contains("--codebook"))
  }

  @Test func damagedCheckpointsAreNamed() throws {
    let cases: [(String, String, String)] = [
      ("config.json", "{", "config.json"),
      ("config.json", "{\"architectures\": [\"GPT2LMHeadModel\"]}", "GPT2LMHeadModel"),
      ("tokenizer.json", "{}", "tokenizer.json"),
      ("model.safetensors", "abc", "model.safetensors"),
    ]
    for (file, contents, word) in cases {
      let folder = TemporaryFolder()
      let source = try copy(folder)
      try Data(contents.utf8).write(to: source.appendingPathComponent(file))
      try expectFailure(folder, source, saying: word)
    }
  }

  /// The last line counts what was said before it.
  @Test func theLastLineCountsWarnings() throws {
    let folder = TemporaryFolder()
    let source = try copy(folder)
    let settings =
      #"{"eos_token_id": 490, "no_repeat_ngram_size": 3, "min_length": 5, "top_k": 1, "top_k": 2}"#
    try Data(settings.utf8).write(to: source.appendingPathComponent("generation_config.json"))
    let run = try CommandRun("pack", source.path, "-o", folder.path("out.vial"))
    let lines = run.messageLines
    #expect(run.status == 0 && lines.count == 4, "\(run.message)")
    #expect(lines.dropLast().allSatisfy { $0.hasPrefix("warning: generation_config.json: ") })
    #expect(lines.last?.hasSuffix("; 1 warning, 2 left out") == true, "\(run.message)")
  }

  /// Without a day a template that asks for it is left out and named; with one it is compiled.
  @Test func templatesThatAskForTheDateNeedOne() throws {
    let folder = TemporaryFolder()
    let source = try copy(folder)
    let template = "{{ strftime_now('%d %b %Y') }} {{ messages[0].content }}"
    try Data(template.utf8).write(to: source.appendingPathComponent("chat_template.jinja"))
    let plain = try CommandRun("pack", source.path, "-o", folder.path("plain.vial"))
    #expect(plain.status == 0 && plain.message.contains("--template-date"), "\(plain.message)")
    let output = folder.path("dated.vial")
    let dated = try CommandRun(
      "pack", source.path, "-o", output, "--template-date", "2024-07-26")
    #expect(dated.status == 0 && !dated.message.contains("--template-date"), "\(dated.message)")
    let run = try CommandRun("run", output, "--prompt", "x", "--max-tokens", "0", "--json")
    let ids = try #require(try run.json()["prompt_tokens"] as? [Int])
    let text = try CommandRun(
      "tokenize", output, "--decode", ids.map(String.init).joined(separator: ","), "--json")
    #expect(try text.json()["text"] as? String == "26 Jul 2024 x")
    let bad = try CommandRun("pack", source.path, "-o", output, "--template-date", "2023-02-29")
    #expect(bad.status == 2)
  }

  @Test func aBadMergeIsNamed() throws {
    let folder = TemporaryFolder()
    let source = try copy(folder)
    let url = source.appendingPathComponent("tokenizer.json")
    var json = try #require(
      try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any])
    var model = try #require(json["model"] as? [String: Any])
    var merges = try #require(model["merges"] as? [Any])
    merges[3] = ["qqq", "zzz"]
    model["merges"] = merges
    json["model"] = model
    try JSONSerialization.data(withJSONObject: json).write(to: url)
    try expectFailure(folder, source, saying: "merge")
  }

  @Test func missingFilesAreNamed() throws {
    for name in ["config.json", "tokenizer.json", "model.safetensors"] {
      let folder = TemporaryFolder()
      let source = try copy(folder)
      try FileManager.default.removeItem(at: source.appendingPathComponent(name))
      try expectFailure(folder, source, saying: name)
    }
  }

  @Test func placesThatCannotBeWrittenAreRefused() throws {
    let folder = TemporaryFolder()
    for output in [folder.path, folder.path("no/such/folder/x.vial")] {
      let run = try CommandRun("pack", Self.checkpoint.path, "-o", output)
      #expect(run.status == 1)
      #expect(run.messageLines.count == 1, "\(run.message)")
    }
    #expect(folder.contents.isEmpty)
    #expect(try CommandRun("pack", folder.path("x"), "-o", folder.path("y")).status == 1)
  }

  @Test func interruptingLeavesNothing() throws {
    let folder = TemporaryFolder()
    let source = try copy(folder)
    // A shape that takes many seconds to fill.
    let url = source.appendingPathComponent("config.json")
    let config = String(decoding: try Data(contentsOf: url), as: UTF8.self)
      .replacingOccurrences(of: "\"num_hidden_layers\": 2", with: "\"num_hidden_layers\": 200")
      .replacingOccurrences(of: "\"intermediate_size\": 128", with: "\"intermediate_size\": 65536")
    try Data(config.utf8).write(to: url)
    let run = try CommandRun(
      arguments: [
        "pack", source.path, "-o", folder.path("out.vial"), "--random-weights", "1", "--weights",
        "f32",
      ], interruptWhen: { folder.contents.contains("out.vial.partial") })
    #expect(run.status == 130)
    #expect(folder.contents == ["source"])
  }
}
