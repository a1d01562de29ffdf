// Checkpoint texts of the smallest size: two tokenizers of a hundred tokens, a chat template, settings.
// Owns: their content, all of it ours. Seeds of the fuzzers and parts of the tiny model.

/// Texts of a tiny checkpoint.
public enum TinyTokenizer {
  /// A chat template that uses most of what compiles.
  public static let chatTemplate = """
    {% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'] %}{% set rest = messages[1:] %}\
    {% else %}{% set first = '' %}{% set rest = messages %}{% endif %}
    {%- for m in rest %}
    {%- if m['role'] not in ['user', 'assistant', 'tool'] %}{{ raise_exception('role') }}{% endif %}
    <|{{ m['role'] }}|>{% if loop.first and first %}{{ first | trim }} {% endif %}\
    {% set text = m['content'] %}{% if '</think>' in text %}{% set text = text.split('</think>')[-1].lstrip('x') %}{% endif %}\
    {{ text.strip() + loop.index|string if false else text }}{{ '.' if text.endswith('b') else '' }}
    {% endfor %}
    {% if add_generation_prompt %}<|assistant|>{% endif %}
    """

  /// A byte-level tokenizer.json: printable ASCII, space, line end, a few merges and added tokens.
  public static let byteLevel: [UInt8] = byteLevel(
    (0x21...0x7E).map { String(UnicodeScalar(UInt8($0))) }
      + ["\u{120}", "\u{10A}", "th", "the", "\u{120}the", "\u{C3}", "\u{A9}"])

  /// The same with a token for every byte, which schemas need.
  static let everyByte: [UInt8] = {
    // The alphabet of byte-level tokenizers: bytes that show are themselves, the others follow each other from 256.
    var next: UInt32 = 256
    let bytes = (UInt32(0)..<256).map { byte -> String in
      if 0x21...0x7E ~= byte || 0xA1...0xAC ~= byte || 0xAE...0xFF ~= byte {
        return String(UnicodeScalar(UInt8(byte)))
      }
      defer { next += 1 }
      return UnicodeScalar(next).map { String($0) } ?? ""
    }
    return byteLevel(bytes + ["th", "the", "\u{120}the"])
  }()

  private static func byteLevel(_ spellings: [String]) -> [UInt8] {
    let pattern =
      #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    return json(
      vocabulary: spellings, merges: ["t h", "th e", "\u{120} the"],
      parts: [
        #""normalizer":{"type":"NFC"}"#,
        #""pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":\#(quoted(pattern))},"behavior":"Isolated","invert":false},{"type":"ByteLevel","add_prefix_space":false,"use_regex":false}]}"#,
        #""decoder":{"type":"ByteLevel"}"#,
      ], modelParts: [])
  }

  /// A tokenizer.json that marks spaces and falls back to bytes.
  public static let pieces: [UInt8] = {
    var spellings = ["<unk>", "\u{2581}"] + (0x61...0x7A).map { String(UnicodeScalar(UInt8($0))) }
    spellings += ["th", "the", "\u{2581}the", "\u{E9}"]
    spellings += ["<0xC3>", "<0xA9>", "<0x0A>", "<0xF0>"]
    return json(
      vocabulary: spellings, merges: ["t h", "th e", "\u{2581} the"],
      parts: [
        #""normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"\#u{2581}"},{"type":"Replace","pattern":{"String":" "},"content":"\#u{2581}"}]}"#,
        #""pre_tokenizer":null"#,
        #""post_processor":{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<think>","type_id":0}},{"Sequence":{"id":"A","type_id":0}}],"special_tokens":{"<think>":{"id":"<think>","ids":[37],"tokens":["<think>"]}}}"#,
        #""decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"\#u{2581}"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"stop":0}]}"#,
      ], modelParts: [#""unk_token":"<unk>""#, #""fuse_unk":true"#, #""byte_fallback":true"#])
  }()

  /// tokenizer_config.json.
  public static let settings = Array(
    #"{"bos_token":"<think>","eos_token":{"content":"</think>"},"add_bos_token":true,"chat_template":[{"name":"default","template":"{{ messages[0]['content'] }}"}]}"#
      .utf8)

  /// config.json of a Llama.
  public static let configuration = Array(
    #"{"architectures":["LlamaForCausalLM"],"hidden_size":24,"num_hidden_layers":1,"num_attention_heads":2,"num_key_value_heads":1,"head_dim":8,"intermediate_size":40,"vocab_size":112,"max_position_embeddings":64,"rms_norm_eps":1e-6,"hidden_act":"silu","tie_word_embeddings":true,"bos_token_id":3,"eos_token_id":[1,2],"rope_theta":10000.0,"rope_scaling":{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":32},"do_sample":true,"temperature":0.6,"top_p":0.95,"top_k":20}"#
      .utf8)

  /// A safetensors file of two tensors.
  public static let safetensors: [UInt8] = {
    let header =
      #"{"__metadata__":{"format":"pt"},"a":{"dtype":"BF16","shape":[2,3],"data_offsets":[0,12]},"b":{"dtype":"F32","shape":[],"data_offsets":[12,16]}}"#
    return FileSeal.littleEndian(UInt64(header.utf8.count)) + Array(header.utf8)
      + [UInt8](repeating: 0, count: 16)
  }()

  private static func quoted(_ text: String) -> String {
    "\"" + text.flatMap { "\"\\".contains($0) ? ["\\", $0] : [$0] } + "\""
  }

  private static func json(
    vocabulary: [String], merges: [String], parts: [String], modelParts: [String]
  ) -> [UInt8] {
    let members = vocabulary.enumerated().map { "\(quoted($1)):\($0)" }.joined(separator: ",")
    let rules = merges.map { quoted($0) }.joined(separator: ",")
    let added = [
      (#""<|user|>","special":true"#), (#""<|assistant|>","special":true,"rstrip":true"#),
      (#""<think>","normalized":false"#),
      (#""</think>","normalized":false,"lstrip":true"#), (#""mask","single_word":true"#),
    ].map { "{\"content\":\($0)}" }.joined(separator: ",")
    let model =
      (["\"type\":\"BPE\"", "\"vocab\":{\(members)}", "\"merges\":[\(rules)]"] + modelParts)
      .joined(separator: ",")
    let all = ["\"model\":{\(model)}", "\"added_tokens\":[\(added)]"] + parts
    return Array("{\(all.joined(separator: ","))}".utf8)
  }
}
