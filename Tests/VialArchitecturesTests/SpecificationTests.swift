// Spec/MODELS.md says what the code does: its tables of architectures, tensors and settings, row by row.

import Foundation
import TestSupport
import Testing
import VialArchitectures

@Suite struct SpecificationTests {
  private static let text: String = {
    let url = Files.root.appending(path: "Spec/MODELS.md")
    return (try? String(contentsOf: url, encoding: .utf8)) ?? ""
  }()

  /// The cells of the table whose header begins with a word, without the header.
  private static func table(_ header: String) -> [[String]] {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    guard let start = lines.firstIndex(where: { $0.hasPrefix(header) }) else { return [] }
    return lines[(start + 2)...].prefix { $0.hasPrefix("|") }.map { line in
      line.dropFirst().dropLast().split(separator: "|", omittingEmptySubsequences: false)
        .map { $0.trimmingCharacters(in: .whitespaces) }
    }
  }

  private static func plain(_ cell: String) -> String {
    cell.replacingOccurrences(of: "`", with: "")
  }

  @Test func architectures() {
    let rows = Architecture.all.map { architecture -> [String] in
      let traits = architecture.traits
      let bias = ["true", "false", "either"][
        traits.attentionBias == .always ? 0 : traits.attentionBias == .never ? 1 : 2]
      let heads = ["none", "per head", "whole"][
        traits.headNorm == .none ? 0 : traits.headNorm == .perHead ? 1 : 2]
      let norms =
        switch traits.normPlacement {
        case .before: "before"
        case .after: "after"
        case .both: "before, after"
        }
      let classes = [architecture.className, architecture.wrapperName].compactMap { $0 }
      return [
        architecture.name, classes.joined(separator: ", "), bias, heads, norms,
        traits.activation == .silu ? "SiLU" : "GELU",
      ]
    }
    #expect(Self.table("| architecture | class").map { $0.map(Self.plain) } == rows)
  }

  private static func symbol(_ dimension: VialArchitectures.Dimension) -> String {
    switch dimension {
    case .hidden: "H"
    case .queries: "Q"
    case .keys: "K"
    case .headDimension: "D"
    case .feedForward: "F"
    case .vocabulary: "V"
    }
  }

  private static func condition(_ presence: Presence) -> String {
    switch presence {
    case .always: ""
    case .attentionInputBias: "attention.qkv_bias"
    case .attentionOutputBias: "attention.output_bias"
    case .feedForwardBias: "feed_forward.bias"
    case .ownHead: "not embedding.tied"
    }
  }

  /// Names, shapes and conditions, for each architecture.
  @Test func tensors() {
    let rows = Self.table("| tensor | shape")
    #expect(rows.count > 20)
    for architecture in Architecture.all {
      let listed = rows.compactMap { row -> [String]? in
        let home = Self.plain(row[2])
        let names = Set(home.split(whereSeparator: { " ,".contains($0) }).map(String.init))
        let isHere =
          home.hasPrefix("all but")
          ? !names.contains(architecture.name)
          : home == "all" || names.contains(architecture.name)
        return isHere ? [Self.plain(row[0]), row[1], Self.plain(row[3])] : nil
      }
      var rules: [(TensorRule, Bool)] = [(Architecture.embedding, false)]
      for rule in architecture.layer { rules.append((rule, true)) }
      for rule in Architecture.ending { rules.append((rule, false)) }
      let wanted = rules.map { rule, isInLayer -> [String] in
        let name = rule.name(layer: isInLayer ? 0 : nil)
          .replacingOccurrences(of: "layers.0.", with: "layers.N.")
        let shape = rule.shape.map(Self.symbol).joined(separator: ", ")
        return [name, "[\(shape)]", Self.condition(rule.presence)]
      }
      #expect(Set(listed) == Set(wanted), "\(architecture.name)")
      #expect(listed.count == wanted.count, "\(architecture.name)")
    }
  }

  @Test func settings() {
    let rows = Architecture.all.map { architecture -> [String] in
      let known = architecture.settings
      let window = known.slidingWindow.map { "\($0)" } ?? "none"
      let windows = known.windows == .none ? "" : window
      return [
        architecture.name, "\(known.contextLength)", "\(known.normEpsilon)",
        "\(Int(known.rotaryBase))", "\(known.isTied)",
        known.keyValueHeadCount.map { "\($0)" } ?? "",
        known.headDimension.map { "\($0)" } ?? "", windows,
      ]
    }
    #expect(Self.table("| architecture | max_position").map { $0.map(Self.plain) } == rows)
  }

  /// Sizes that some classes have defaults of, and constants of Gemma's.
  @Test func sizes() {
    func text(_ cap: SettingsTraits.SoftCap) -> String {
      switch cap {
      case .unread: ""
      case .read(let usual): usual.map { "\(Int($0))" } ?? "none"
      }
    }
    let rows = Architecture.all.compactMap { architecture -> [String]? in
      let known = architecture.settings
      guard let sizes = known.sizes else { return nil }
      let numbers = [
        sizes.vocabulary, sizes.hidden, sizes.feedForward, sizes.layerCount, sizes.headCount,
        Int(known.queryScalar ?? 0),
      ]
      return [architecture.name] + numbers.map { "\($0)" } + [
        text(known.attentionSoftCap), text(known.logitSoftCap),
        known.localRotaryBase.map { "\(Int($0))" } ?? "",
      ]
    }
    #expect(Self.table("| architecture | vocab_size").map { $0.map(Self.plain) } == rows)
  }

  /// Which layers have windows, in words.
  @Test func windows() {
    let said = Self.table("| architecture | layers of sliding").map { $0.map(Self.plain) }
    for architecture in Architecture.all {
      let row = said.first { $0[0].split(separator: ", ").contains { $0 == architecture.name } }
      let words = (row ?? said.last ?? [""]).last ?? ""
      let wanted =
        switch architecture.settings.windows {
        case .none: "none"
        case .all: "all, where sliding_window is not null"
        case .later(let first): "max_window_layers (\(first))"
        case .unrotated: "those that do not rotate"
        case .allBut(let period, let isStated):
          isStated ? "sliding_window_patternth (\(period))" : "all but every \(period)nd"
        }
      #expect(words.contains(wanted), "\(architecture.name): \(words)")
    }
  }

  /// Every linear layer has one site, and each site's layers are there.
  @Test(arguments: Architecture.all.map(\.name))
  func sitesCoverAllLinearLayers(_ name: String) throws {
    let architecture = try #require(Architecture.named(name))
    let linear = architecture.layer.filter { $0.role == .linear }
    #expect(linear.allSatisfy { ProjectionSite.site(of: $0.slot) != nil })
    #expect(ProjectionSite.allCases.flatMap(architecture.modules).count == linear.count)
  }
}
