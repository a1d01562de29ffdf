// Owns: the export that scores token ids.
// Must not: choose how to compute: options say it.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Vial
import VialCompute
import VialModel

@_cdecl("vial_model_score") @implementation
public func vial_model_score(
  _ model: OpaquePointer!, _ tokens: UnsafePointer<UInt32>!, _ token_count: UInt64,
  _ options: UnsafePointer<vial_score_options>!,
  _ out_log_probabilities: UnsafeMutablePointer<Float>!,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(out_error, readsText: true) { (host: HostFloatingPoint) throws(Failure) in
    let model = try HandleRegistry.model(model)
    let tokens = try CArguments.tokens(tokens, token_count, of: model)
    let buffer = try CArguments.buffer(out_log_probabilities, token_count)
    let options = try Structures.options(options, defaults: vial_score_options())
    let adapter = try CArguments.adapter(
      options.adapter, scale: options.adapter_scale, of: model)
    let compute = try ComputeOptions(options)
    for index in 0..<buffer.count { buffer[index] = .nan }
    guard tokens.count > 0 else { return }
    try score(tokens, model, compute, adapter, progress: options, host, into: buffer)
  }
}

private func score(
  _ tokens: UnsafeBufferPointer<UInt32>, _ model: Model, _ compute: ComputeOptions,
  _ adapter: AppliedAdapter?, progress options: vial_score_options, _ host: HostFloatingPoint,
  into buffer: UnsafeMutableBufferPointer<Float>
) throws(Failure) {
  var isCancelled = false
  do throws(VialError) {
    let scorer = try Scorer(model: model, options: compute, adapter: adapter)
    try scorer.score(tokens.span) { score, _ in
      buffer[score.index] = score.logProbability ?? .nan
      guard let progress = options.progress else { return true }
      let done = UInt64(score.index + 1)
      isCancelled = host.run { progress(options.progress_context, done, UInt64(tokens.count)) } != 0
      return !isCancelled
    }
  } catch { throw Failure(error) }
  if isCancelled { throw Failure(VIAL_STATUS_CANCELLED) }
}
