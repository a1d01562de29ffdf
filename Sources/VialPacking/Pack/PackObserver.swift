// Owns: how the packer talks to whoever started it: progress, warnings, and the question whether to
// go on.
// Must not: print; the command does.

/// Callbacks of a packing job. All are called on the thread that called the packer.
public struct PackObserver: Sendable {
  /// Work done and to do, in bytes encoded and bytes hashed, for one stage at a time.
  public struct Progress: Sendable, Equatable {
    /// What is being done, such as "packing and hashing".
    public var stage: String
    public var completedByteCount: UInt64
    public var totalByteCount: UInt64
  }

  /// Called a few times per second at most.
  public var progress: @Sendable (Progress) -> Void
  /// One line about something unexpected that does not stop the job.
  public var warning: @Sendable (String) -> Void
  /// Asked between slices; true ends the job with `PackingError.cancelled` and removes what was
  /// written.
  public var shouldStop: @Sendable () -> Bool

  /// Callbacks that do nothing unless given.
  public init(
    progress: @escaping @Sendable (Progress) -> Void = { _ in },
    warning: @escaping @Sendable (String) -> Void = { _ in },
    shouldStop: @escaping @Sendable () -> Bool = { false }
  ) {
    self.progress = progress
    self.warning = warning
    self.shouldStop = shouldStop
  }
}
