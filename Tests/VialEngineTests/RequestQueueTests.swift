// The queue of requests with events keeps its order, whoever is taken out of its midst.

import TestSupport
import Testing
import Vial
import VialEngine
import VialSystem

@Suite struct RequestQueueTests {
  @Test func orderStaysWhateverIsTakenOut() throws {
    let engine = try Engine(model: PackedModel.open("qwen2-tiny-untied"), capacity: 256)
    let prompt = try #require(SecureBuffer<UInt32>(capacity: 1))
    prompt.append(1)
    let requests = try (0..<300).map { _ in
      try engine.prepare(
        prompt: prompt, options: GenerationOptions(maximumTokens: 1, sampling: SamplingParameters())
      )
    }
    var queue = RequestQueue()
    var model: [Int] = []
    var state: UInt32 = 1
    func next(below bound: Int) -> Int {
      state = state &* 1_664_525 &+ 1_013_904_223
      return Int(state >> 8) % bound
    }
    for round in 0..<20_000 {
      let index = next(below: requests.count)
      switch (round / 1000 % 3 == 0 ? 0 : next(below: 3), model.firstIndex(of: index)) {
      case (0, nil):
        queue.append(requests[index])
        model.append(index)
      case (1, _):
        let first = queue.popFirst()
        #expect(first === (model.isEmpty ? nil : requests[model.removeFirst()]))
      case (_, let place):
        queue.remove(requests[index])
        if let place { model.remove(at: place) }
      }
      #expect(queue.count == model.count && queue.isEmpty == model.isEmpty)
    }
    while let request = queue.popFirst() { #expect(request === requests[model.removeFirst()]) }
    #expect(model.isEmpty)
  }
}
