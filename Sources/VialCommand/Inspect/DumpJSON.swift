// Owns: the dump as one JSON object.
// Must not: rename or drop a key: keys are an interface, and more may be added.

import VialFormat
import VialText

/// Writes a dump as JSON.
struct DumpJSON {
  private let contents: FileContents
  private var file: VialFile { contents.file }

  init(_ contents: FileContents) { self.contents = contents }

  /// One object and a line end.
  func text(listsTensors: Bool) -> String {
    var json = JSONOutput()
    json.object { json in
      json.member("file", contents.path)
      json.member("byte_count", file.file.byteCount)
      json.member("tail_byte_count", file.tailByteCount)
      identity(&json)
      json.member("model_digest", file.modelDigest.description)
      json.member("file_digest", file.fileDigest.description)
      sections(&json)
      json.key("configuration")
      Self.keyValues(file.configurationTable, &json)
      parameters(&json)
      tokenizer(&json)
      templates(&json)
      json.key("adapters")
      AdapterLine.write(AdapterLine.lines(of: contents.file), to: &json)
      json.key("provenance")
      if let provenance = contents.provenance {
        Self.keyValues(provenance, &json)
      } else {
        json.null()
      }
      if listsTensors { tensors(&json) }
    }
    return json.text + "\n"
  }

  private func identity(_ json: inout JSONOutput) {
    let identity = file.identity
    json.member("format", "\(identity.majorVersion).\(identity.minorVersion)")
    json.key("features")
    json.object { json in
      json.member("incompatible", identity.incompatibleFeatures)
      json.member("read_only_compatible", identity.readOnlyCompatibleFeatures)
      json.member("compatible", identity.compatibleFeatures)
    }
    json.key("roots")
    json.array { json in
      for state in file.rootSlots { root(state, &json) }
    }
  }

  private func root(_ state: RootSlot.State, _ json: inout JSONOutput) {
    json.object { json in
      switch state {
      case .empty: json.member("state", "empty")
      case .damaged(let error):
        json.member("state", "damaged")
        json.member("rule", "R-\(error.rule)")
      case .valid(let root):
        json.member("state", root == file.root ? "current" : "older")
        json.member("generation", root.generation)
        json.member("section_count", root.sectionCount)
        json.member("file_byte_count", root.fileByteCount)
      }
    }
  }

  private func sections(_ json: inout JSONOutput) {
    json.key("sections")
    json.array { json in
      for section in file.sections {
        json.object { json in
          json.member("kind", section.kind.rawValue)
          json.member("name", section.title)
          json.member("id", section.id)
          json.member("offset", section.offset)
          json.member("stored_byte_count", section.storedByteCount)
          json.member("raw_byte_count", section.rawByteCount)
          json.member("codec", section.codec.name)
          json.member("alignment", section.alignment)
          json.member("required", section.flags.contains(.required))
          json.member("model", section.flags.contains(.model))
          json.member("digest", section.digest.description)
        }
      }
    }
  }

  private static func keyValues(_ table: KeyValueTable, _ json: inout JSONOutput) {
    json.object { json in
      for (key, value) in table.entries {
        json.key(key)
        write(value, &json)
      }
    }
  }

  private static func write(_ value: KeyValue, _ json: inout JSONOutput) {
    switch value {
    case .unsigned(let number): json.value(number)
    case .signed(let number): json.value(number)
    case .float(let number): json.value(number)
    case .bool(let flag): json.value(flag)
    case .text(let text): json.value(text)
    case .unsignedArray(let numbers):
      json.array { json in for item in numbers { json.value(item) } }
    case .floatArray(let numbers): json.array { json in for item in numbers { json.value(item) } }
    case .bytes(let bytes): json.array { json in for item in bytes { json.value(item) } }
    case .textArray(let texts): json.array { json in for item in texts { json.value(item) } }
    }
  }

  private func parameters(_ json: inout JSONOutput) {
    json.key("parameters")
    json.object { json in
      json.member("tensor_count", contents.parameters.total.tensorCount)
      json.member("count", contents.parameters.total.parameterCount)
      json.member("byte_count", contents.parameters.total.byteCount)
      json.member("bits_per_weight", contents.parameters.total.bitsPerWeight)
      json.key("encodings")
      json.array { json in
        for line in contents.parameters.lines {
          json.object { json in
            json.member("encoding", line.format.encoding.name)
            json.member("group", line.format.group)
            json.member("asymmetric", line.format.isAsymmetric)
            json.codebook(line.format.codebook)
            json.member("tensor_count", line.tensorCount)
            json.member("count", line.parameterCount)
            json.member("byte_count", line.byteCount)
            json.member("bits_per_weight", line.bitsPerWeight)
          }
        }
      }
    }
  }

  private func tokenizer(_ json: inout JSONOutput) {
    let tokenizer = contents.tokenizer
    json.key("tokenizer")
    json.object { json in
      json.member("kind", tokenizer.kind.name)
      json.member("normalizer", tokenizer.normalizer.name)
      json.member("pattern", "\(tokenizer.pattern)")
      json.member("token_count", tokenizer.tokenCount)
      json.member("merge_count", tokenizer.mergeCount)
      json.member("added_token_count", tokenizer.addedTokenCount)
      for (name, id) in [
        ("bos", tokenizer.bosToken), ("eos", tokenizer.eosToken), ("pad", tokenizer.padToken),
      ] {
        json.key(name)
        if let id { json.value(id) } else { json.null() }
      }
    }
  }

  private func templates(_ json: inout JSONOutput) {
    json.key("templates")
    json.array { json in
      for template in contents.templates {
        json.object { json in
          json.member("id", template.id)
          json.member("name", template.name)
          json.member("byte_count", template.byteCount)
        }
      }
    }
  }

  private func tensors(_ json: inout JSONOutput) {
    json.key("tensors")
    json.array { json in
      for index in 0..<file.tensors.count {
        json.object { json in TensorDump(file.tensors[index]).members(&json) }
      }
    }
  }
}
