// Owns: what the layers of an architecture do with their tensors, and what its configuration class
// takes for granted.
// Must not: hold what differs between models of one architecture: configurations do.

/// What layers compute beyond Llama's.
package struct ArchitectureTraits: Sendable, Equatable {
  /// How queries and keys are normalised before they are rotated.
  package enum HeadNorm: Sendable, Equatable {
    case none
    /// Each head on its own, all heads with the same weights (Qwen3).
    case perHead
    /// All heads of a token as one vector (OLMo 2).
    case whole
  }

  /// Where the residual stream's norms stand.
  package enum NormPlacement: Sendable, Equatable {
    /// Before attention and the feed-forward part, which read normalised values.
    case before
    /// Behind them: what they add is normalised (OLMo 2).
    case after
    /// Before them and behind them (Gemma).
    case both
  }

  /// What the gate of the feed-forward part goes through.
  package enum Activation: Sendable, Equatable {
    case silu
    /// GELU by its tanh formula (Gemma).
    case tanhGELU
  }

  package var headNorm = HeadNorm.none
  package var normPlacement = NormPlacement.before
  /// Whether query, key and value have biases: in all models, in none, or as the model says.
  package var attentionBias = Choice.never
  package var activation = Activation.silu
  /// Whether checkpoints have norm weights less 1. `.vial` files and GGUF files have them whole.
  package var addsOneToNorms = false
  /// Whether embedding rows are multiplied by the root of the hidden size, as f32.
  package var scalesEmbedding = false

  package init() {}

  package init(
    headNorm: HeadNorm = .none, normPlacement: NormPlacement = .before,
    attentionBias: Choice = .never, activation: Activation = .silu, addsOneToNorms: Bool = false,
    scalesEmbedding: Bool = false
  ) {
    self.headNorm = headNorm
    self.normPlacement = normPlacement
    self.attentionBias = attentionBias
    self.activation = activation
    self.addsOneToNorms = addsOneToNorms
    self.scalesEmbedding = scalesEmbedding
  }
}

/// Whether models of an architecture have something.
package enum Choice: Sendable, Equatable {
  case always, never
  /// As the model's configuration says.
  case stated
}

/// What config.json of an architecture may say, and what transformers 5.23 takes where it is
/// silent.
package struct SettingsTraits: Sendable, Equatable {
  /// Which layers have a window of `sliding_window`, unless `layer_types` says it.
  package enum Windows: Sendable, Equatable {
    case none
    /// All of them, where it is there; `layer_types` is not read.
    case all
    /// Where `use_sliding_window` says so: those from `max_window_layers` on, whose default this
    /// is.
    case later(than: Int)
    /// Where `use_sliding_window` says so: those that do not rotate.
    case unrotated
    /// All but every nth.
    /// - Parameter isStated: whether `sliding_window_pattern` may be another n.
    case allBut(every: Int, isStated: Bool)
  }

  /// Whether a class reads a soft cap.
  package enum SoftCap: Sendable, Equatable {
    case unread
    /// It does; its default, nil for none.
    case read(usual: Double?)
  }

  /// What the classes of Gemma take for sizes that nobody states.
  package struct Sizes: Sendable, Equatable {
    package var vocabulary, hidden, feedForward, layerCount, headCount: Int

    package init(
      vocabulary: Int, hidden: Int, feedForward: Int, layerCount: Int, headCount: Int
    ) {
      self.vocabulary = vocabulary
      self.hidden = hidden
      self.feedForward = feedForward
      self.layerCount = layerCount
      self.headCount = headCount
    }
  }

  /// Positions, for a missing `max_position_embeddings`.
  package var contextLength = 2048
  /// For a missing `rms_norm_eps`.
  package var normEpsilon = 1e-6
  /// For a missing `rope_theta`.
  package var rotaryBase = 10_000.0
  /// For a missing `tie_word_embeddings`.
  package var isTied = false
  /// For a missing `num_key_value_heads`; nil: as many as heads.
  package var keyValueHeadCount: Int?
  /// For a missing `head_dim`; nil: hidden_size divided by the heads.
  package var headDimension: Int?
  /// For a missing `sliding_window`, in positions; nil: none.
  package var slidingWindow: Int?
  /// Which layers have it.
  package var windows = Windows.none
  /// For a missing `query_pre_attn_scalar`, whose root divides scores; nil: the class has none.
  package var queryScalar: Double?
  /// What the class does with `attn_logit_softcapping` and `final_logit_softcapping`.
  package var attentionSoftCap = SoftCap.unread
  package var logitSoftCap = SoftCap.unread
  /// For a missing `rope_local_base_freq`, which layers of sliding attention have instead of
  /// `rope_theta` and its scaling; nil: they have the same.
  package var localRotaryBase: Double?
  /// The key of the activation's name, and its names that are the same function.
  package var activationKey = "hidden_act"
  package var activationNames: Set<String> = ["silu", "swish"]
  /// Whether `attention_bias` gives biases to query, key, value and output.
  package var readsAttentionBias = false
  /// Whether `mlp_bias` gives biases to gate, up and down.
  package var readsFeedForwardBias = false
  /// Whether the settings have Granite's four multipliers.
  package var readsMultipliers = false
  /// Whether `no_rope_layers` says which layers rotate; without it, every
  /// `no_rope_layer_interval`th does not.
  package var readsRotatedLayers = false
  /// Whether `original_max_position_embeddings` stands beside the rotary settings and comes first;
  /// its value where it is missing.
  package var originalContextLength: Int?
  /// Whether the settings have a `partial_rotary_factor`.
  package var readsRotaryFraction = false
  /// For sizes that are missing; nil: they have to be there.
  package var sizes: Sizes?

  package init() {}

  /// The defaults with some changes.
  package init(_ change: (inout SettingsTraits) -> Void) { change(&self) }
}
