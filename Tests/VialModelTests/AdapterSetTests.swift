// Adapters of an opened file, before a request names one: which there are, and why others cannot be
// used.

import Foundation
import TestSupport
import Testing
import VialFormat
import VialModel
import VialPacking

@Suite struct AdapterSetTests {
  private let folder = TemporaryFolder()
  private let path: String

  init() throws { path = try RandomAdapter.pack(WeightRecipe(), to: folder.url) }

  /// The rule that `body` ends with; nil when it does not.
  private func rule(_ body: () throws -> Void) throws -> Int? {
    do {
      try body()
      return nil
    } catch let error as FormatError { return error.rule }
  }

  @Test func adaptersAreFoundByName() throws {
    let file = try ModelFile(path: path)
    #expect(file.adapters.adapters.map(\.name) == ["a", "b", "c"])
    #expect(file.adapters.refused.isEmpty)
    for name in ["a", "b", "c"] { #expect(try file.adapters.find(name)?.name == name) }
    for name in ["", "d", "aa", "A"] { #expect(try file.adapters.find(name) == nil) }
    #expect(try ModelFile(path: PackedModel.path("qwen2-tiny-untied")).adapters.adapters.isEmpty)
  }

  /// Caches of one identity are shared: it is the adapter's and the factor's, bit for bit.
  @Test func identitiesAreOfAdapterAndFactor() throws {
    let (one, other) = (try ModelFile(path: path), try ModelFile(path: path))
    let a = try #require(try one.adapters.find("a"))
    let again = try #require(try other.adapters.find("a"))
    let b = try #require(try one.adapters.find("b"))
    #expect(try a.applied().identity == again.applied(scale: 1).identity)
    #expect(try a.applied().identity != b.applied().identity)
    #expect(try a.applied().identity != a.applied(scale: Float(1).nextUp).identity)
    #expect(try a.applied(scale: 0).identity != a.applied(scale: -0.0).identity)
  }

  @Test func factorsThatAreNotFiniteAreRefused() throws {
    let adapter = try #require(try ModelFile(path: path).adapters.find("a"))
    for scale in [Float.infinity, -.infinity, .nan] {
      #expect(try rule { _ = try adapter.applied(scale: scale) } == 644)
    }
    #expect(try rule { _ = try adapter.applied(scale: -2) } == nil)
  }

  /// A lazily verified file's adapter is held against its digest before its first use.
  /// One that was wrong is wrong again.
  @Test func aDamagedAdapterIsMetWhenItIsApplied() throws {
    let id = AdapterDescriptor.sectionID(ofName: "b")
    let section = try #require(
      try ModelFile(path: path).descriptor.sectionTable.find(.adapter, id: id))
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    bytes[Int(section.end) - 40] ^= 0x10
    let damaged = try folder.write("damaged.vial", bytes)
    let adapters = try ModelFile(path: damaged, verification: .lazy).adapters
    for _ in 0..<2 { #expect(try rule { _ = try adapters.find("b")?.applied() } == 220) }
    #expect(try rule { _ = try adapters.find("a")?.applied() } == nil)
  }

  /// What is wrong with an adapter's head keeps nobody from the others.
  @Test func anAdapterThatIsNoneIsRefusedByName() throws {
    let id = AdapterDescriptor.sectionID(ofName: "b")
    let section = try #require(
      try ModelFile(path: path).descriptor.sectionTable.find(.adapter, id: id))
    var bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
    bytes[Int(section.offset) + 128 + 12] = 0
    let adapters = try ModelFile(path: folder.write("none.vial", bytes)).adapters
    #expect(adapters.adapters.map(\.name) == ["a", "c"])
    #expect(adapters.refused.map(\.id) == [id] && adapters.refused.map(\.problem.rule) == [641])
    #expect(try rule { _ = try adapters.find("b") } == 641)
  }
}
