// Prompt templates and schemas that are nobody's and mostly valid, so that what is damaged afterwards is reached.
// Owns: what they consist of. Every kind of variable and most keywords of a schema come up.
import VialPacking

/// Makes templates.
struct TemplateMaker {
  private var random: SplitMix64

  init(seed: UInt64) { random = SplitMix64(seed: seed) }

  /// A template; nil in the few cases in which its parts do not fit each other.
  mutating func template(named id: String) -> PromptTemplateFile? {
    try? PromptTemplateFile(Array(file(named: id).utf8), name: id)
  }

  /// The text of a template file.
  private mutating func file(named id: String) -> String {
    let count = random.pick([1, 1, 2, 3, 6, 20])
    var lines = ["---", "id: \(id)", "version: 1.\(random.below(9))", "language: en"]
    lines.append("task: \(random.pick(["other", "triage", "symptoms"]))")
    if random.isOne(in: 3) { lines.append("stop: \(random.pick(["the", "zz", "a b"]))") }
    if random.isOne(in: 3) { lines.append("temperature: \(random.pick(["0", "0.7", "100"]))") }
    if random.isOne(in: 3) { lines.append("top_k: \(random.pick(["0", "1", "40"]))") }
    lines.append("max_tokens: \(random.pick([1, 4, 16]))")
    if random.isOne(in: 2) { lines.append("max_reasoning_tokens: \(random.below(3))") }
    for index in 0..<count { lines += variable("v\(index)") }
    lines += ["---"]
    let places = (0..<count).map { "{{v\($0)}}" }
    if random.isOne(in: 2) {
      lines += ["# system", random.pick(["Be brief.", places[0], "{{{{"])]
    }
    lines += ["# user"] + places
    if random.isOne(in: 4) { lines += places }
    if !random.isOne(in: 3) { lines += ["# schema", schema(depth: 0)] }
    return lines.joined(separator: "\n")
  }

  private mutating func variable(_ name: String) -> [String] {
    var lines = ["variable: \(name)"]
    switch random.below(6) {
    case 0: lines += ["  type: text", "  limit: \(random.pick([40, 1000, 1 << 20]))"]
    case 1:
      lines += ["  type: list", "  limit: \(random.pick([40, 4000]))"]
      lines.append("  items: \(random.pick([1, 5, 1024]))")
    case 2: lines += ["  type: choice", "  choices: a | b c | \(random.pick(["x", "the"]))"]
    case 3: lines.append("  type: date")
    default:
      lines.append("  type: \(random.pick(["integer", "number"]))")
      if random.isOne(in: 2) { lines.append("  units: \(random.pick(["mg", "mg, mmol/L"]))") }
      if random.isOne(in: 2) { lines.append("  range: \(random.pick(["0..9", "..9", "-3.."]))") }
    }
    lines.append(random.isOne(in: 2) ? "  required: yes" : "  default: \(name)")
    return lines
  }

  /// A schema in which most words fit their neighbours.
  mutating func schema(depth: Int) -> String {
    switch random.below(depth > 2 ? 6 : 11) {
    case 0: return #"{"type":"\#(random.pick(["null", "boolean", "string", "integer"]))"}"#
    case 1: return #"{"enum":["a","the",1,null,{"x":[true]}]}"#
    case 2:
      return
        #"{"type":"string","minLength":\#(random.below(3)),"maxLength":\#(3 + random.below(90))}"#
    case 3:
      let patterns = ["^(a|b[c-f]{2,5})*x?$", #"^\\d{1,3}$"#, "the", "^[^a-c]+$"]
      return #"{"type":"string","pattern":"\#(random.pick(patterns))"}"#
    case 4:
      let step = random.pick(["1", "7", "0.25"])
      return #"{"type":"number","minimum":-3,"maximum":\#(random.below(99)),"multipleOf":\#(step)}"#
    case 5: return #"{"const":"\#(random.pick(["a", "é", "x y"]))"}"#
    case 6:
      let counts = #""minItems":\#(random.below(3)),"maxItems":\#(2 + random.below(4))"#
      return #"{"type":"array","items":\#(schema(depth: depth + 1)),\#(counts)}"#
    case 7:
      let word = random.pick(["anyOf", "anyOf", "oneOf", "allOf"])
      return #"{"\#(word)":[\#(schema(depth: depth + 1)),\#(schema(depth: depth + 1))]}"#
    case 8:
      return
        ##"{"$defs":{"n":{"type":"object","properties":{"v":\##(schema(depth: 2)),"n":{"$ref":"#/$defs/n"}}}},"$ref":"#/$defs/n"}"##
    default: return object(depth: depth)
    }
  }

  private mutating func object(depth: Int) -> String {
    let count = 1 + random.below(4)
    let members = (0..<count).map { #""k\#($0)":\#(schema(depth: depth + 1))"# }
    var parts = [#""type":"object""#, #""properties":{\#(members.joined(separator: ","))}"#]
    if random.isOne(in: 2) { parts.append(#""required":["k0"]"#) }
    if random.isOne(in: 2) { parts.append(#""additionalProperties":false"#) }
    if random.isOne(in: 6) { parts.append(#""dependentRequired":{"k0":["k\#(count - 1)"]}"#) }
    return "{" + parts.joined(separator: ",") + "}"
  }
}
