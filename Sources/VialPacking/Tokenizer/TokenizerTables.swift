// Owns: the way from tokenizer.json to the `tokenizer` section: its entry point, and the summary
// for the packer.
// Must not: depend on anything but its arguments: the same files give the same bytes.
// Source: Spec/TOKENIZER.md, "Layout".

import VialFormat
public import VialText

/// The `tokenizer` section of a checkpoint and what the packer needs to know about it.
public struct TokenizerTables: Sendable {
  /// The section's bytes.
  public let section: [UInt8]
  /// Ids that the tables cover: 0..<tokenCount. A model's vocabulary may be larger.
  public let tokenCount: Int
  /// Number of merges.
  public let mergeCount: Int
  /// Number of added tokens.
  public let addedTokenCount: Int
  /// The token that begins a text, from tokenizer_config.json.
  public let bosToken: UInt32?
  /// The token that ends a text, from tokenizer_config.json.
  public let eosToken: UInt32?
  /// The token that fills batches, from tokenizer_config.json.
  public let padToken: UInt32?
  /// Tokens at which generation stops, ascending: generation_config.json's, else config.json's,
  /// else `eosToken`.
  public let stopTokens: [UInt32]
  /// bos_token, eos_token and so on as text, for the chat template.
  public let specialTokens: [String: String]
  /// Special tokens that end a turn by what they are called, by id.
  let turnEnds: [(id: UInt32, spelling: String)]
  let notices: PackNotices

  /// What the packer should tell: one line each.
  public var warnings: [String] { notices.lines }

  /// Builds the tables of a checkpoint from its parsed files. Tokens that only
  /// tokenizer_config.json, special_tokens_map.json or added_tokens.json name get ids as in
  /// transformers. Throws `TokenizerError` for anything that could not be answered exactly as the
  /// `tokenizers` library does.
  /// - Parameter rowCount: rows of the embedding; tokens beyond are left out, with a warning that
  ///   names them. nil when they are not known.
  public static func build(
    tokenizer: JSONValue, tokenizerConfig: JSONValue? = nil, generationConfig: JSONValue? = nil,
    config: JSONValue? = nil, specialTokensMap: JSONValue? = nil, addedTokens: JSONValue? = nil,
    rowCount: Int? = nil
  ) throws(TokenizerError) -> TokenizerTables {
    let settings = SettingsTokens(
      config: tokenizerConfig, map: specialTokensMap, added: addedTokens)
    let source = try TokenizerSource(tokenizer, settings: settings, rowCount: rowCount)
    let pipeline = try TokenizerPipeline(tokenizer)
    let special = SpecialTokens(tokenizerConfig, settings, source)
    var builder = try TokenizerTableBuilder(source, pipeline, special)
    let section = try builder.build()
    do {
      _ = try Tokenizer(ByteRegion(copying: section))
    } catch {
      throw TokenizerError("its tables break a rule of the format: \(error)")
    }
    let stops = stopTokens(generationConfig) ?? stopTokens(config) ?? special.eos.map { [$0] } ?? []
    return TokenizerTables(
      section: section, tokenCount: builder.tokenCount, mergeCount: builder.mergeCount,
      addedTokenCount: builder.addedCount, bosToken: special.bos, eosToken: special.eos,
      padToken: special.pad, stopTokens: stops, specialTokens: special.text,
      turnEnds: source.turnEnds, notices: source.notices)
  }

  /// Reads the three files as bytes; nil stands for an absent file.
  public static func build(
    tokenizerJSON: [UInt8], tokenizerConfigJSON: [UInt8]? = nil
  ) throws(TokenizerError) -> TokenizerTables {
    do {
      let tokenizer = try JSONReader.parse(tokenizerJSON)
      let config: JSONValue? =
        if let tokenizerConfigJSON { try JSONReader.parse(tokenizerConfigJSON) } else { nil }
      return try build(tokenizer: tokenizer, tokenizerConfig: config)
    } catch let error as JSONError {
      throw TokenizerError("not JSON: \(error)")
    } catch let error as TokenizerError {
      throw error
    } catch {
      throw TokenizerError("\(error)")
    }
  }

  /// `eos_token_id` of a configuration: a number or a list of numbers.
  private static func stopTokens(_ config: JSONValue?) -> [UInt32]? {
    guard let value = config?["eos_token_id"], !value.isNull else { return nil }
    let values = value.array ?? [value]
    let ids = values.compactMap { $0.integer.flatMap { UInt32(exactly: $0) } }
    return ids.isEmpty ? nil : Array(Set(ids)).sorted()
  }
}

/// bos_token, eos_token and the like of tokenizer_config.json.
struct SpecialTokens {
  private(set) var text: [String: String] = [:]
  let bos: UInt32?
  let eos: UInt32?
  let pad: UInt32?
  let addsBos: Bool
  let addsEos: Bool

  init(_ config: JSONValue?, _ settings: SettingsTokens, _ source: TokenizerSource) {
    var contents: [String: JSONString] = [:]
    for (name, content) in settings.named { contents[name] = content }
    var ids: [JSONString: UInt32] = [:]
    for token in source.addedTokens { ids[token.content] = token.id }
    let id = { (name: String) in contents[name].flatMap { ids[$0] ?? source.idByToken[$0] } }
    bos = id("bos_token")
    eos = id("eos_token")
    pad = id("pad_token")
    addsBos = config?["add_bos_token"]?.bool ?? false
    addsEos = config?["add_eos_token"]?.bool ?? false
    text = contents.mapValues(\.text)
  }
}
