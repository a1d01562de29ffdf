// Owns: what is left of steps in working memory, and that it goes.
// Must not: run while a step, or its logits, are computed.

import VialCompute
import VialSystem

extension DecoderForward {
  /// Wipes ids, activations and scratch of all steps since the last call. O(1) when there was none, otherwise O(bytes that
  /// the largest of them wrote), shared by the workers when that is worth it.
  public func wipe() {
    let rows = takeWrittenRows()
    guard rows > 0 else { return }
    let privateRows = min(rows, PrivateInput.maximumRows)
    let workerCount = pool.workerCount
    func wipe(_ worker: Int, of shareCount: Int) {
      buffers.wipe(rows: rows, share: worker, of: shareCount)
    }
    for room in panels.values { room.wipe(columns: rows) }
    adapterBuffers?.wipe(rows: rows)
    for worker in 0..<workerCount {
      privateInputs[worker].wipe(rows: privateRows)
      attentionScratch.wipe(worker)
    }
    if rows > PrivateInput.maximumRows {
      pool.run { wipe($0, of: workerCount) }
    } else {
      wipe(0, of: 1)
    }
  }
}
