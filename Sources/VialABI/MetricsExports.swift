// Owns: the exports that tell how an engine does, and those about its tenants.
// Must not: hold logic.
// The names are those of the header:
// swift-format-ignore-file: AlwaysUseLowerCamelCase

public import CVial
import Vial
import VialEngine

@_cdecl("vial_engine_get_metrics") @implementation
public func vial_engine_get_metrics(
  _ engine: OpaquePointer!, _ out_metrics: UnsafeMutablePointer<vial_engine_metrics>!
) -> vial_status {
  status(reporting: out_metrics) { () throws(Failure) in
    vial_engine_metrics(try HandleRegistry.engine(engine).metrics)
  }
}

extension vial_engine_metrics {
  fileprivate init(_ metrics: EngineMetrics) {
    self.init()
    submitted_count = metrics.submittedCount
    refused_count = metrics.refusedCount
    waiting_count = UInt64(metrics.waitingCount)
    running_count = UInt64(metrics.activeCount)
    block_count = UInt64(metrics.blockCount)
    referenced_block_count = UInt64(metrics.referencedBlockCount)
    cached_block_count = UInt64(metrics.cachedBlockCount)
    pinned_block_count = UInt64(metrics.pinnedBlockCount)
    eviction_count = metrics.evictionCount
    preemption_count = metrics.preemptionCount
    prompt_token_count = metrics.promptTokenCount
    cached_token_count = metrics.cachedTokenCount
    generated_token_count = metrics.generatedTokenCount
    step_count = metrics.stepCount
    step_seconds = metrics.stepSeconds
    first_token_histogram = vial_latency_histogram(metrics.firstTokenSeconds)
    inter_token_histogram = vial_latency_histogram(metrics.tokenSeconds)
    withUnsafeMutableBytes(of: &finished_counts) { buffer in
      let counts = buffer.bindMemory(to: UInt64.self)
      for reason in FinishReason.allCases {
        counts[Int(reason.number)] = metrics.finishedCounts[reason]
      }
    }
  }
}

extension vial_latency_histogram {
  fileprivate init(_ histogram: LatencyHistogram) {
    self.init()
    sum = histogram.sum
    withUnsafeMutableBytes(of: &counts) { buffer in
      let counts = buffer.bindMemory(to: UInt64.self)
      for index in histogram.counts.indices { counts[index] = histogram.counts[index] }
    }
  }
}

@_cdecl("vial_engine_copy_metrics_text") @implementation
public func vial_engine_copy_metrics_text(
  _ engine: OpaquePointer!, _ out_text: UnsafeMutablePointer<CChar>!, _ capacity: UInt64,
  _ out_length: UnsafeMutablePointer<UInt64>!
) -> vial_status {
  status(filling: out_text, capacity, out_length) { buffer throws(Failure) in
    let engine = try HandleRegistry.engine(engine)
    return CArguments.copy(engine.metrics.prometheusText, to: buffer)
  }
}

@_cdecl("vial_engine_set_weight") @implementation
public func vial_engine_set_weight(
  _ engine: OpaquePointer!, _ tenant: vial_text, _ weight: Double,
  _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(out_error) { () throws(Failure) in
    let engine = try HandleRegistry.engine(engine)
    let label = try CArguments.tenant(tenant)
    try Failure.mapped { () throws(VialError) in try engine.setWeight(weight, ofTenant: label) }
  }
}

@_cdecl("vial_engine_clear_tenant") @implementation
public func vial_engine_clear_tenant(
  _ engine: OpaquePointer!, _ tenant: vial_text, _ out_error: UnsafeMutablePointer<vial_error>!
) -> vial_status {
  status(out_error) { () throws(Failure) in
    let engine = try HandleRegistry.engine(engine)
    engine.forgetTenant(try CArguments.tenant(tenant))
  }
}
