// Owns: wiping what steps leave in working memory.
// Must not: run while a step, or its logits, are computed.

import VialCompute
package import VialSystem

extension DecoderForward {
  /// Wipes ids, activations and scratch of all steps since the last call. O(1) when there was none,
  /// otherwise O(bytes that the largest of them wrote), each worker its own scratch and its portion
  /// of the rest.
  public func wipe() {
    let rows = takeWrittenRows()
    guard rows > 0 else { return }
    let privateRows = min(rows, WorkerActivations.maximumRows)
    let workerCount = pool.workerCount
    pool.run { [self] worker in
      buffers.wipe(rows: rows, portion: worker, of: workerCount)
      for panel in panels.values { panel.wipe(tokens: rows, portion: worker, of: workerCount) }
      workerActivations[worker].wipe(rows: privateRows)
      attentionScratch.wipe(worker)
    }
    adapterBuffers?.wipe(rows: rows)
  }

  /// Wipes rows of logits that were computed.
  package func wipe(logits: WorkMemory, rows: Int) {
    let byteCount = rows * shape.vocabularySize * MemoryLayout<Float>.stride
    let workerCount = pool.workerCount
    guard byteCount > 0 else { return }
    pool.run { worker in
      let own = WorkPortion.range(of: byteCount, worker: worker, of: workerCount)
      logits.wipe(from: own.lowerBound, byteCount: own.count)
    }
  }
}
