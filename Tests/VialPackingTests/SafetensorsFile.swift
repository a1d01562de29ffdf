// Makes safetensors files, honest and lying ones, and reads honest ones without the packer's reader.

import Foundation

/// The contents of a safetensors file.
struct SafetensorsFile {
  struct Tensor {
    var name: String
    var type: String
    var shape: [Int]
    var data: [UInt8]
  }

  var tensors: [Tensor] = []

  init() {}

  /// Reads an honest file.
  init(_ bytes: [UInt8]) throws {
    let length = bytes[..<8].reversed().reduce(0) { $0 << 8 | Int($1) }
    let header = try JSONSerialization.jsonObject(with: Data(bytes[8..<8 + length]))
    for (name, value) in header as? [String: Any] ?? [:] where name != "__metadata__" {
      guard let value = value as? [String: Any], let offsets = value["data_offsets"] as? [Int],
        let type = value["dtype"] as? String, let shape = value["shape"] as? [Int]
      else { continue }
      let start = 8 + length
      tensors.append(
        Tensor(
          name: name, type: type, shape: shape,
          data: Array(bytes[start + offsets[0]..<start + offsets[1]])))
    }
    tensors.sort { $0.name < $1.name }
  }

  /// The file's bytes; `padding` spaces after the header move the data to another alignment.
  func bytes(padding: Int = 0) -> [UInt8] {
    var offset = 0
    var entries: [String] = []
    for tensor in tensors {
      let end = offset + tensor.data.count
      entries.append(
        "\"\(tensor.name)\":{\"dtype\":\"\(tensor.type)\",\"shape\":\(tensor.shape),\"data_offsets\":[\(offset),\(end)]}"
      )
      offset = end
    }
    let header = "{" + entries.joined(separator: ",") + "}" + String(repeating: " ", count: padding)
    return Self.bytes(header: header, data: tensors.flatMap(\.data))
  }

  /// A file of any header text and any data.
  static func bytes(header: String, data: [UInt8]) -> [UInt8] {
    let length = UInt64(header.utf8.count)
    return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8) + data
  }

  subscript(name: String) -> Tensor? { tensors.first { $0.name == name } }
}

extension SafetensorsFile.Tensor {
  /// The elements as floats, decoded here and not by the kernels.
  var floats: [Float] {
    switch type {
    case "F32":
      return stride(from: 0, to: data.count, by: 4).map { offset in
        Float(bitPattern: (0..<4).reduce(UInt32(0)) { $0 | UInt32(data[offset + $1]) << (8 * $1) })
      }
    case "BF16":
      return stride(from: 0, to: data.count, by: 2).map { offset in
        Float(bitPattern: UInt32(data[offset]) << 16 | UInt32(data[offset + 1]) << 24)
      }
    case "F16":
      return stride(from: 0, to: data.count, by: 2).map { offset in
        Float(Float16(bitPattern: UInt16(data[offset]) | UInt16(data[offset + 1]) << 8))
      }
    default: return []
    }
  }
}
