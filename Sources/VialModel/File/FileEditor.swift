// Owns: changing a model file in place: the lock, the opened file and the plan, joined.
// Must not: decide what is written in which order; VialFormat does.
// Source: Spec/FORMAT.md, "Appending and compacting".

package import VialFormat
import VialSystem

/// A model file that nobody else changes while this value lives.
public struct FileEditor: ~Copyable {
  /// What the file holds now.
  package let descriptor: VialFile
  let file: InPlaceFile

  /// Locks, maps and validates a file. O(sections + tensors).
  public init(path: String) throws(ModelError) {
    (file, descriptor) = try Self.open(path)
  }

  private static func open(_ path: String) throws(ModelError) -> (InPlaceFile, VialFile) {
    let file: InPlaceFile
    let mapped: MappedFile
    do throws(SystemError) {
      file = try InPlaceFile(path: path)
      mapped = try file.map()
    } catch { throw .system(error) }
    do throws(FormatError) {
      return (
        file,
        try FormatReader.open(
          ByteRegion(owner: mapped, start: mapped.base, byteCount: mapped.byteCount))
      )
    } catch { throw .format(error) }
  }

  /// Carries out a plan for this file; `FileAppender` makes it from `descriptor`.
  ///
  /// A kill at any moment leaves the old file or the new one. So does an error, a full disk for
  /// example; what was written is then cut off again. An error is also that another file has the
  /// name in the end: the change is then in a file that nobody will find.
  package consuming func apply(_ plan: AppendPlan) throws(ModelError) {
    var index = 0
    do throws(SystemError) {
      while index < plan.steps.count {
        try perform(plan.steps[index])
        index += 1
      }
      try file.checkName()
    } catch {
      // The first error is the one to report. Once the root was begun, the file must keep its
      // length.
      if index < plan.rootStep { try? file.truncate(to: plan.previousByteCount) }
      throw .system(error)
    }
  }

  private func perform(_ step: AppendPlan.Step) throws(SystemError) {
    switch step {
    case .write(let bytes, let offset):
      try file.write(
        UnsafeRawBufferPointer(start: bytes.baseAddress, count: bytes.byteCount), at: offset)
    case .truncate(let byteCount): try file.truncate(to: byteCount)
    case .sync: try file.sync()
    }
  }
}
