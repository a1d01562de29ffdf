// Owns: the export that reads a model's whole file against its digests.
// Must not: decide what is wrong.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Vial
import VialFormat

@_cdecl("vial_model_verify") @implementation
public func vial_model_verify(
  _ model: OpaquePointer!, _ options: UnsafePointer<vial_verify_options>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(out_error) { (host: HostFloatingPoint) throws(Failure) in
    let model = try HandleRegistry.model(model)
    let options = try Structures.options(options, defaults: vial_verify_options())
    try CArguments.check(reserved: options.reserved)
    guard options.thread_count <= VIAL_THREAD_LIMIT else {
      throw Failure(VIAL_STATUS_INVALID_ARGUMENT)
    }
    let threadCount = options.thread_count > 0 ? Int(options.thread_count) : nil
    let report = try Failure.mapped { () throws(VialError) in
      try model.verify(threadCount: threadCount) { done, total in
        guard let progress = options.progress else { return true }
        return host.run { progress(options.progress_context, done, total) } == 0
      }
    }
    guard let report else { throw Failure(VIAL_STATUS_CANCELLED) }
    if let problem = report.problems.first { throw Failure(.format(problem)) }
  }
}
