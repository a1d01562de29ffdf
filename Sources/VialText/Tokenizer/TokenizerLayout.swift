// Owns: the shape of the `tokenizer` section, shared by its reader and its writer.
// Must not: read or write by itself.
// Source: Spec/TOKENIZER.md, "Layout".

/// Field offsets, limits and enumerations of the `tokenizer` section.
package enum TokenizerLayout {
  package static let version: UInt32 = 1
  package static let headerByteCount = 256
  /// "no token" in every id field.
  package static let noToken: UInt32 = 0xFFFF_FFFF
  /// Most ids, merges, added tokens and bytes of one token.
  package static let maxTokenCount: UInt32 = 1 << 24
  package static let maxMergeCount: UInt32 = 1 << 25
  package static let maxAddedCount: UInt32 = 1 << 16
  package static let maxTokenByteCount = 1 << 16
  package static let maxAddedTokenByteCount = 1024
  package static let maxProbeCount: UInt32 = 4096
  package static let maxAffixCount = 8
  /// Identifies the pinned Unicode tables: classes 16.0, normalisation 9.0.
  package static let unicodeTables: UInt32 = 0x1600_0900

  /// Byte offsets of the header's fields.
  package enum Field {
    package static let version = 0
    package static let kind = 4
    package static let normalizer = 8
    package static let preTokenizer = 12
    package static let decoder = 16
    package static let flags = 20
    package static let tokenCount = 24
    package static let mergeCount = 28
    package static let addedCount = 32
    package static let rawAddedCount = 36
    package static let unknownToken = 40
    package static let bosToken = 44
    package static let eosToken = 48
    package static let padToken = 52
    package static let prefixCount = 56
    package static let suffixCount = 60
    package static let prefix = 64
    package static let suffix = 96
    package static let mergeSlotBits = 128
    package static let mergeProbeCount = 132
    package static let vocabularySlotBits = 136
    package static let vocabularyProbeCount = 140
    package static let hashSeed = 144
    package static let unicodeTables = 152
    package static let longestToken = 156
    package static let tokenBytes = 160
    package static let tokenBytesLength = 168
    package static let tokenOffsets = 176
    package static let tokenFlags = 184
    package static let vocabularySlots = 192
    package static let mergeSlots = 200
    package static let byteTokens = 208
    package static let fallbackTokens = 216
    package static let addedEntries = 224
    package static let addedBytes = 232
    package static let addedBytesLength = 240
    package static let reserved = 248
  }

  /// Bits of the header's flags field.
  package enum Flag {
    /// A word that is a token becomes that token without merging.
    package static let ignoreMerges: UInt32 = 1 << 0
    /// A space is put in front of every stretch that does not start with one.
    package static let addPrefixSpace: UInt32 = 1 << 1
    /// Characters outside the vocabulary become byte tokens.
    package static let byteFallback: UInt32 = 1 << 2
    /// Neighbouring unknown characters become one unknown token.
    package static let fuseUnknown: UInt32 = 1 << 3
    /// The normaliser puts a space in front of every stretch.
    package static let prependSpace: UInt32 = 1 << 4
    /// The normaliser writes spaces for U+2581.
    package static let replaceSpace: UInt32 = 1 << 5
    /// No token has a space behind another character: words may be cut at spaces.
    package static let cutsAtSpaces: UInt32 = 1 << 6
    /// The space of `metaspace` is put in front of the text's first stretch only.
    package static let metaspaceFirst: UInt32 = 1 << 7
    /// `metaspace` puts no space in front.
    package static let metaspaceNever: UInt32 = 1 << 8
    /// Decoding drops one leading space.
    package static let stripLeadingSpace: UInt32 = 1 << 9
    /// Every flag that has a meaning.
    package static let known: UInt32 = (1 << 10) - 1
  }

  /// Bits of a token's flags.
  package enum TokenFlag {
    /// The id has a token.
    package static let present: UInt8 = 1
    /// It is an added token.
    package static let added: UInt8 = 2
    /// It is special: left out of decoded text on request.
    package static let special: UInt8 = 4
    /// It stands for one byte that decoding joins with its neighbours.
    package static let byte: UInt8 = 8
  }

  /// Bits of an added token's flags.
  package enum AddedFlag {
    package static let singleWord: UInt32 = 1
    package static let stripsLeft: UInt32 = 2
    package static let stripsRight: UInt32 = 4
  }

  /// Slot of a pair of symbols in the merge table.
  @inline(__always)
  package static func hash(pair: UInt64, seed: UInt64) -> UInt64 {
    var hash = (pair ^ seed) &* 0x9E37_79B9_7F4A_7C15
    hash ^= hash >> 29
    hash = hash &* 0xBF58_476D_1CE4_E5B9
    return hash ^ hash >> 32
  }

  /// Start of the hash of a token's bytes.
  @inline(__always)
  package static func hashStart(seed: UInt64) -> UInt64 { 0xCBF2_9CE4_8422_2325 ^ seed }

  /// One more byte of the hash.
  @inline(__always)
  package static func hashStep(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
    (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3
  }

  /// End of the hash of a token's bytes.
  @inline(__always)
  package static func hashEnd(_ hash: UInt64) -> UInt64 {
    let mixed = (hash ^ hash >> 32) &* 0x9E37_79B9_7F4A_7C15
    return mixed ^ mixed >> 29
  }
}

/// How text becomes symbols. The raw value is what the file holds.
public enum TokenizerKind: UInt32, Sendable {
  /// Every byte is a symbol (GPT-2, Qwen2, Llama 3).
  case byteLevel = 1
  /// Every character is a symbol, unknown ones fall back to bytes (Llama 2, SentencePiece).
  case characterLevel = 2
}

/// What happens to text before it is cut. The raw value is what the file holds.
public enum TokenizerNormalizer: UInt32, Sendable {
  case none = 0
  /// Unicode normalisation form C.
  case nfc = 1
  /// Spaces in front and in place of U+2581, as the flags say.
  case spaces = 2
}

/// How tokens become text. The raw value is what the file holds.
public enum TokenizerDecoder: UInt32, Sendable {
  /// Bytes end to end; what is not UTF-8 becomes U+FFFD.
  case byteLevel = 1
  /// Text end to end; a run of byte tokens that is not UTF-8 becomes one U+FFFD a byte.
  case byteFallback = 2
  /// As `byteFallback`, and the first token loses its spaces.
  case metaspace = 3
}
