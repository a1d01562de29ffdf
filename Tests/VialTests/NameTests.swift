// What a model is called: its provenance says it, and of files packed by 0.1 the configuration.

import Foundation
import TestSupport
import Testing
import Vial
import VialFormat
import VialModel
import VialPacking

@Suite struct NameTests {
  @Test func filesBefore02KeepNameAndDigest() throws {
    let old = Files.root.appending(path: "Tests/VectorTests/vectors/1.0/packed-llama3-int4.vial")
    let model = try Model(path: old.path)
    #expect(try model.name() == "llama3-tiny")
    #expect(
      model.file.modelDigest.description
        == "ba21af9200ec664088d0f5e8206c7a80db50500f540b25b0ea480fca8e34536f")
    #expect(try Model(path: Files.demo).name() == "vial-demo-8m")
  }

  @Test func packedFilesAreCalledWhatTheirProvenanceSays() throws {
    let fixture = try Fixture("llama3-tiny")
    _ = try fixture.packed { $0.modelName = "fixture é" }
    #expect(try Model(path: fixture.output).name() == "fixture é")
    _ = try fixture.packed { $0.modelName = nil }
    #expect(try Model(path: fixture.output).name().isEmpty)
  }
}
