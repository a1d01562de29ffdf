// Owns: what an architecture is: names, tensors, traits of its layers, and what its configuration
// class takes for granted. Packer, calibration, adapters, GGUF and runtime derive from it.
// Must not: compute, or read files. One file for each architecture has its value.
// Source: Spec/MODELS.md, which a test compares with `all`.

/// A decoder-only transformer, as its makers' class describes it.
package struct Architecture: Sendable, Equatable {
  /// `architecture` in `.vial` files, and `model_type` in config.json.
  package let name: String
  /// The class in config.json's `architectures`.
  package let className: String
  /// A class whose text part this is: its config.json has this one's as `text_config`.
  package let wrapperName: String?
  /// What GGUF files of it have in `general.architecture`, and how they order rows.
  package let gguf: GGUFNaming
  /// The tensors of a layer, in the order of a forward pass.
  package let layer: [TensorRule]
  package let traits: ArchitectureTraits
  package let settings: SettingsTraits

  package init(
    _ name: String, className: String, wrapperName: String? = nil, gguf: GGUFNaming,
    layer: [[TensorRule]], traits: ArchitectureTraits = ArchitectureTraits(),
    settings: SettingsTraits = SettingsTraits()
  ) {
    self.name = name
    self.className = className
    self.wrapperName = wrapperName
    self.gguf = gguf
    self.layer = layer.flatMap { $0 }
    self.traits = traits
    self.settings = settings
  }

  /// Every architecture that can be packed and run.
  package static let all: [Architecture] = [
    .qwen2, .llama, .qwen3, .mistral, .phi3, .smolLM3, .granite, .olmo2, .gemma2,
    .gemma3,
  ]

  /// The architecture that `.vial` files name so.
  package static func named(_ name: String) -> Architecture? { all.first { $0.name == name } }

  /// What stands before the layers.
  package static let embedding = TensorRule(
    .embedding, "model.embed_tokens", gguf: "token_embd", [.vocabulary, .hidden], .embedding)
  /// What stands behind them.
  package static let ending = [
    TensorRule.norm(.finalNorm, "model.norm", gguf: "output_norm"),
    TensorRule(
      .head, "lm_head", gguf: "output", [.vocabulary, .hidden], .head, if: .ownHead),
  ]

  /// Every tensor of a model of these sizes, in the order in which a forward pass reads them.
  package func tensors(_ sizes: ArchitectureSizes) -> [ArchitectureTensor] {
    var tensors = [ArchitectureTensor(Self.embedding, layer: nil, sizes)]
    let present = layer.filter { sizes.presences.contains($0.presence) }
    for index in 0..<sizes.layerCount {
      tensors += present.map { ArchitectureTensor($0, layer: index, sizes) }
    }
    let ending = Self.ending.filter { sizes.presences.contains($0.presence) }
    return tensors + ending.map { ArchitectureTensor($0, layer: nil, sizes) }
  }

  /// The rule of a slot of a layer; nil when the architecture has none.
  package func rule(_ slot: TensorSlot) -> TensorRule? { layer.first { $0.slot == slot } }

  /// The modules of a site's linear layers, without the layer's prefix.
  package func modules(of site: ProjectionSite) -> [String] {
    site.slots.compactMap { rule($0)?.module }
  }

  /// The linear layer of a tensor name without the layer's prefix; nil for any other.
  package func linear(named part: Substring) -> (site: ProjectionSite, index: Int)? {
    for rule in layer where rule.role == .linear && part == "\(rule.module).weight" {
      return ProjectionSite.site(of: rule.slot)
    }
    return nil
  }
}

/// One tensor of a model.
package struct ArchitectureTensor: Sendable, Equatable {
  package let rule: TensorRule
  /// The layer's number; nil for what is in none.
  package let layer: Int?
  /// Outermost first.
  package let shape: [Int]
  /// The rows of the checkpoint's matrix that are this one; nil for a tensor of its own.
  package let fusedRows: (first: Int, total: Int)?

  init(_ rule: TensorRule, layer: Int?, _ sizes: ArchitectureSizes) {
    self.rule = rule
    self.layer = layer
    shape = rule.shape.map { sizes[$0] }
    let rowCount = shape[0]
    fusedRows = rule.fused.map { fused in
      let first = fused.before.reduce(0) { $0 + sizes[$1] }
      return (first, fused.after.reduce(first + rowCount) { $0 + sizes[$1] })
    }
  }

  package static func == (left: ArchitectureTensor, right: ArchitectureTensor) -> Bool {
    left.rule == right.rule && left.layer == right.layer && left.shape == right.shape
  }
}

/// How GGUF files name an architecture and order its rows.
package struct GGUFNaming: Sendable, Equatable {
  /// `general.architecture`.
  package let name: String
  /// Whether the halves of query and key heads are interleaved, because llama.cpp rotates
  /// neighbours.
  package let interleavesHeads: Bool

  package init(_ name: String, interleavesHeads: Bool = false) {
    self.name = name
    self.interleavesHeads = interleavesHeads
  }
}
