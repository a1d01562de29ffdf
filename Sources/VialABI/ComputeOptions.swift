// Owns: how options that choose the computing become Swift's.
// Must not: choose.

import CVial
import Vial
import VialCompute
import VialModel

extension ComputeOptions {
  init(_ options: vial_score_options) throws(Failure) {
    try CArguments.check(reserved: options.reserved.0 | options.reserved.1)
    try self.init(
      cacheType: options.cache_type, threadCount: options.thread_count, isa: options.isa)
  }

  init(_ options: vial_engine_options) throws(Failure) {
    try self.init(
      cacheType: options.cache_type, threadCount: options.thread_count, isa: options.isa)
  }

  private init(
    cacheType: UInt32, threadCount: UInt32, isa: UnsafePointer<CChar>?
  ) throws(Failure) {
    guard threadCount <= VIAL_THREAD_LIMIT, let cacheType = KVCacheType(number: cacheType)
    else { throw Failure(VIAL_STATUS_INVALID_ARGUMENT) }
    self.init(cacheType: cacheType)
    if threadCount > 0 { self.threadCount = Int(threadCount) }
    if let isa {
      guard CArguments.isShorter(isa, than: 64),
        let named = KernelFamily(named: String(cString: isa))
      else {
        throw Failure(VIAL_STATUS_UNSUPPORTED_ISA)
      }
      family = named
    }
  }
}

extension KVCacheType {
  /// `VIAL_CACHE_…`.
  fileprivate init?(number: UInt32) {
    switch Int(number) {
    case VIAL_CACHE_F16: self = .f16
    case VIAL_CACHE_F32: self = .f32
    case VIAL_CACHE_INT8: self = .int8
    default: return nil
    }
  }
}
