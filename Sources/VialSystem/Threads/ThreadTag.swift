// Owns: a number that code can leave on its thread, to know the thread again.
// Must not: outlive the thread.

internal import CVialSystem

/// The calling thread's mark.
package enum ThreadTag {
  /// 0 unless it was set.
  package static var current: Int32 {
    get { vial_thread_tag() }
    set { vial_set_thread_tag(newValue) }
  }
}
