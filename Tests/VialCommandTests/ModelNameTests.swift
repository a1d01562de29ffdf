// One checkpoint packed under several names is one model: adapters fit, batches and evaluations go on.

import Foundation
import TestSupport
import Testing

@Suite struct ModelNameTests {
  private let folder = TemporaryFolder()
  private let adapter = Files.fixture("adapters/lora-qkvo-r8").path
  /// Equal but for their names: a folder's each, and what `--name` says.
  private let files: [String]

  init() throws {
    var files: [String] = []
    for (name, more) in [
      ("source", []), ("elsewhere", []), ("source", ["--name", "the ward's"]),
    ] {
      let source = folder.url(name)
      if !FileManager.default.fileExists(atPath: source.path) {
        try FileManager.default.copyItem(
          at: Files.fixture("checkpoints/qwen2-tiny-untied"), to: source)
      }
      let file = folder.path("\(files.count).vial")
      let run = try CommandRun(
        arguments: ["pack", source.path, "-o", file, "--adapter", "ward=\(adapter)"] + more)
      #expect(run.status == 0, "\(run.message)")
      files.append(file)
    }
    self.files = files
  }

  private func digest(_ key: String, _ file: String) throws -> String {
    try #require(try CommandRun("dump", file, "--json").json()[key] as? String)
  }

  @Test func digestsAndAdaptersAreTheSame() throws {
    #expect(Set(try files.map { try digest("model_digest", $0) }).count == 1)
    #expect(try digest("file_digest", files[0]) == digest("file_digest", files[1]))
    #expect(try digest("file_digest", files[0]) != digest("file_digest", files[2]))
    let extracted = folder.path("ward.vial")
    #expect(try CommandRun("adapter", "extract", files[0], "ward", "-o", extracted).status == 0)
    #expect(try CommandRun("adapter", "remove", files[2], "ward").status == 0)
    let run = try CommandRun("adapter", "add", files[2], extracted)
    #expect(run.status == 0, "\(run.message)")
  }

  @Test func batchesGoOn() throws {
    let lines = [
      #"{"prompt": "fever", "max_tokens": 5}"#,
      #"{"prompt": "fever", "adapter": "ward:2", "max_tokens": 5}"#,
      #"{"template": "patient-education", "variables": {"topic": "fever"}, "max_tokens": 5}"#,
      #"{"prompt": "cough", "max_tokens": 5}"#,
    ]
    func write(_ count: Int) throws -> String {
      try folder.write("in.jsonl", Array((lines.prefix(count).joined(separator: "\n") + "\n").utf8))
    }
    let (whole, pieces) = (folder.path("whole.jsonl"), folder.path("pieces.jsonl"))
    func batch(_ file: String, _ input: String, _ out: String) throws -> CommandRun {
      try CommandRun("batch", file, "--in", input, "--out", out, "--ordered")
    }
    #expect(try batch(files[0], write(4), whole).status == 0)
    #expect(try batch(files[0], write(3), pieces).status == 0)
    let run = try batch(files[2], write(4), pieces)
    #expect(run.status == 0 && run.message.contains("3 there before"), "\(run.message)")
    func texts(_ path: String) throws -> [String] {
      try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map { line in
        let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
        return try #require(object?["text"] as? String)
      }
    }
    #expect(try texts(pieces) == texts(whole))
  }

  @Test func evaluationsGoOn() throws {
    let questions = Files.fixture("questions/questions.jsonl").path
    let (whole, pieces) = (folder.path("whole.jsonl"), folder.path("pieces.jsonl"))
    func eval(_ file: String, _ out: String, _ more: String...) throws -> CommandRun {
      try CommandRun(arguments: ["eval", file, "--data", questions, "--out", out, "--json"] + more)
    }
    let truth = try eval(files[0], whole)
    #expect(try eval(files[0], pieces, "--limit", "2").status == truth.status)
    let begun = try String(contentsOfFile: pieces, encoding: .utf8)
    let run = try eval(files[2], pieces)
    #expect(run.status == truth.status, "\(run.message)")
    let (accuracy, whole2) = (try run.json()["accuracy"], try truth.json()["accuracy"])
    #expect(accuracy as? Double != nil && accuracy as? Double == whole2 as? Double)
    #expect(try String(contentsOfFile: pieces, encoding: .utf8).hasPrefix(begun))
  }
}
