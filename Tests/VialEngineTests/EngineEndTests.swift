// Engines may end in the midst of callbacks.

import TestSupport
import Testing
import Vial
import VialEngine
import VialSystem

@Suite struct EngineEndTests {
  /// The last reference to an engine may go in a callback, of its own or of another engine.
  @Test func enginesMayGoInCallbacks() throws {
    final class Holder: Sendable {
      let engine: Locked<Engine?>
      let isDone = ConditionLocked(false)

      init(_ engine: Engine) { self.engine = Locked(engine) }
    }
    let model = try PackedModel.open("qwen2-tiny-untied")
    let tokens: [UInt32] = [1, 2, 3]
    let prompt = try #require(SecureBuffer<UInt32>(capacity: 3))
    prompt.append(contentsOf: tokens.span)
    for isOther in [false, true] {
      var caller: Engine? = try Engine(model: model, capacity: 256)
      let held = isOther ? try Engine(model: model, capacity: 256) : caller
      let holder = Holder(try #require(held))
      var options = GenerationOptions(maximumTokens: 3, sampling: SamplingParameters())
      options.isPrivate = true
      let request = try #require(caller).submit(prompt: prompt, options: options) { _, event in
        let gone = holder.engine.withLock { engine in
          defer { engine = nil }
          return engine
        }
        withExtendedLifetime(gone) {}
        if case .finished = event.kind { holder.isDone.change { $0 = true } }
      }
      caller = isOther ? caller : nil
      #expect(holder.isDone.wait { $0 ? true : nil } == true)
      request.close()
    }
  }
}
