// swift-tools-version: 6.2
// The floor plan of Vial as SwiftPM targets: a target may import only targets of lower floors
// (ARCHITECTURE.md). No unsafeFlags: the package must stay usable as a dependency.
import PackageDescription

/// Settings of every Swift target.
let house: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableExperimentalFeature("Lifetimes"),
]
/// Settings of the rooms that read hostile bytes: every unsafe expression is marked `unsafe`.
let hostile: [SwiftSetting] = house + [.strictMemorySafety()]
/// Settings of every C target.
let strictC: [CSetting] = [
  .treatAllWarnings(as: .error), .enableWarning("all"), .enableWarning("extra"),
]
/// The version of the Swift compiler, which nothing tells C sources: this manifest is compiled by it.
/// A release that is not listed yet counts as the newest listed before it. Build scripts, which ask
/// the compiler itself, override it (VIAL_SWIFT_VERSION).
let swiftVersion: String = {
  #if compiler(>=6.5)
    "6.5"
  #elseif compiler(>=6.4)
    "6.4"
  #elseif compiler(>=6.3.3)
    "6.3.3"
  #elseif compiler(>=6.3.2)
    "6.3.2"
  #elseif compiler(>=6.3.1)
    "6.3.1"
  #elseif compiler(>=6.3)
    "6.3"
  #elseif compiler(>=6.2.4)
    "6.2.4"
  #elseif compiler(>=6.2.3)
    "6.2.3"
  #elseif compiler(>=6.2.2)
    "6.2.2"
  #elseif compiler(>=6.2.1)
    "6.2.1"
  #else
    "6.2"
  #endif
}()
/// The default prompt templates, which the packer carries inside its code.
let promptTemplates = [
  "calculator-explanation",
  "differential-diagnosis",
  "discharge-summary",
  "follow-up-plan",
  "guideline-question",
  "laboratory-interpretation",
  "patient-education",
  "prescription-guidance",
  "problem-list",
  "radiology-summary",
  "symptom-analysis",
  "triage",
]

let package = Package(
  name: "Vial",
  products: [
    .library(name: "Vial", targets: ["Vial"]),
    .library(name: "vial_c", type: .dynamic, targets: ["VialABI"]),
    .executable(name: "vial", targets: ["VialCommand"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0")
  ],
  targets: [
    // Floor 0
    .target(name: "CVial", path: "Include", publicHeadersPath: "."),
    .target(
      name: "CVialKernels",
      cSettings: strictC + [.headerSearchPath(".")]),
    .target(
      name: "CVialDigest",
      cSettings: strictC),
    .target(
      name: "CVialSystem", dependencies: ["CVial", "CLZ4", "CSodium"],
      cSettings: strictC + [.define("VIAL_MANIFEST_SWIFT_VERSION", to: "\"\(swiftVersion)\"")]),
    .target(
      name: "CVialMemory",
      cSettings: strictC),
    .target(
      name: "CVialRoofline",
      cSettings: strictC),
    .target(
      name: "CVialCalibration",
      cSettings: strictC),
    .systemLibrary(name: "CLZ4", providers: [.apt(["liblz4-dev"])]),
    .systemLibrary(name: "CSodium", providers: [.apt(["libsodium-dev"])]),
    // Floor 1
    .target(name: "VialNumerics", swiftSettings: house),
    .target(
      name: "VialFormat", dependencies: ["CLZ4", "CSodium", "CVialDigest", "CVialMemory"],
      swiftSettings: hostile),
    .target(
      name: "VialSystem", dependencies: ["CVialSystem", "CVialMemory", "CSodium"],
      swiftSettings: house),
    // Floor 2
    .target(name: "VialArchitectures", dependencies: ["VialFormat"], swiftSettings: house),
    .target(
      name: "VialText", dependencies: ["VialFormat", "CSodium", "CVialMemory"],
      swiftSettings: hostile),
    .target(
      name: "VialCompute", dependencies: ["CVialKernels", "VialFormat", "VialSystem"],
      swiftSettings: house),
    // Floor 3
    .target(
      name: "VialModel",
      dependencies: ["VialFormat", "VialSystem", "VialArchitectures", "VialText", "VialCompute"],
      swiftSettings: house),
    // Floor 4
    .target(
      name: "VialEngine",
      dependencies: ["VialFormat", "VialSystem", "VialText", "VialCompute", "VialModel"],
      swiftSettings: house),
    // Floor 5
    .target(
      name: "Vial",
      dependencies: [
        "VialFormat", "VialSystem", "VialText", "VialCompute", "VialModel", "VialEngine",
      ],
      swiftSettings: house),
    // Floor 6
    .target(
      name: "VialABI",
      dependencies: [
        "CVial", "VialFormat", "VialSystem", "VialText", "VialCompute", "VialModel", "VialEngine",
        "Vial",
      ],
      swiftSettings: house),
    // Beside the floors
    .target(
      name: "VialPacking",
      dependencies: [
        "CVialCalibration", "CVialKernels", "VialNumerics", "VialFormat", "VialSystem",
        "VialArchitectures", "VialText",
      ],
      resources: promptTemplates.map { .embedInCode("Resources/templates/\($0).txt") },
      swiftSettings: house),
    .target(
      name: "VialEvaluation",
      dependencies: [
        "VialNumerics", "VialFormat", "VialSystem", "VialText", "VialCompute", "VialModel",
        "VialEngine", "Vial",
      ],
      swiftSettings: house),
    // Top
    .executableTarget(
      name: "VialCommand",
      dependencies: [
        "CVial", "CVialRoofline", "Vial", "VialNumerics", "VialFormat", "VialSystem", "VialText",
        "VialCompute",
        "VialModel", "VialEngine", "VialPacking", "VialEvaluation",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      exclude: ["Resources/README.md"],
      resources: [.copy("Resources/demo.vial")],
      swiftSettings: house),
    // The program of README.md: its own package, bindings/swift/example, would compile all again
    .executableTarget(
      name: "SwiftExample", dependencies: ["Vial"], path: "bindings/swift/example/Sources/ask",
      swiftSettings: house),
    // Tests: what several of them share
    .target(
      name: "TestSupport",
      dependencies: [
        "VialNumerics", "VialFormat", "VialSystem", "VialText", "VialEngine", "Vial",
        "VialPacking",
      ],
      path: "Tests/Support", swiftSettings: house),
    // Tests of floor 0: programs in C, and the Swift tests that run them
    .target(
      name: "KernelTests", dependencies: ["CVialKernels"], path: "Tests/CVialKernelsTests/C",
      exclude: ["main.c"],
      cSettings: strictC),
    .testTarget(
      name: "CVialKernelsTests", dependencies: ["KernelTests"], exclude: ["C"],
      swiftSettings: house),
    .target(
      name: "DigestTests", dependencies: ["CVialDigest"], path: "Tests/CVialDigestTests/C",
      exclude: ["main.c"],
      cSettings: strictC),
    .testTarget(
      name: "CVialDigestTests", dependencies: ["DigestTests", "CSodium"], exclude: ["C"],
      swiftSettings: house),
    .target(
      name: "DenseBits", dependencies: ["CVialCalibration"], path: "Tests/CVialCalibrationTests/C",
      exclude: ["main.c"],
      cSettings: strictC),
    .testTarget(
      name: "CVialCalibrationTests", dependencies: ["CVialCalibration", "DenseBits"],
      exclude: ["C"], swiftSettings: house),
    // Tests of floor 1
    .testTarget(
      name: "VialNumericsTests", dependencies: ["VialNumerics"], swiftSettings: house),
    .testTarget(
      name: "VialFormatTests", dependencies: ["VialFormat", "VialSystem", "TestSupport"],
      swiftSettings: house),
    .testTarget(
      name: "VialSystemTests", dependencies: ["VialSystem", "TestSupport"], swiftSettings: house),
    // Tests of floor 2
    .testTarget(
      name: "VialArchitecturesTests", dependencies: ["VialArchitectures", "TestSupport"],
      swiftSettings: house),
    .testTarget(
      name: "VialTextTests",
      dependencies: ["VialFormat", "VialText", "VialPacking", "TestSupport"],
      swiftSettings: house),
    .testTarget(
      name: "VialComputeTests", dependencies: ["VialSystem", "VialCompute"], swiftSettings: house),
    // Tests of floor 3
    .testTarget(
      name: "VialModelTests",
      dependencies: [
        "VialFormat", "VialSystem", "VialCompute", "VialModel", "VialPacking", "TestSupport",
      ],
      swiftSettings: house),
    // Tests of floor 4
    .testTarget(
      name: "VialEngineTests",
      dependencies: [
        "VialFormat", "VialSystem", "VialText", "VialCompute", "VialModel", "VialEngine", "Vial",
        "VialPacking", "TestSupport",
      ],
      swiftSettings: house),
    // Tests of floor 5
    .testTarget(
      name: "VialTests",
      dependencies: [
        "VialFormat", "VialSystem", "VialText", "VialCompute", "VialModel", "VialEngine", "Vial",
        "VialPacking", "TestSupport",
      ],
      swiftSettings: house),
    // Tests beside the floors
    .testTarget(
      name: "VialPackingTests",
      dependencies: [
        "CVialKernels", "VialFormat", "VialSystem", "VialText", "VialPacking", "TestSupport",
      ],
      swiftSettings: house),
    .testTarget(
      name: "VialEvaluationTests",
      dependencies: ["VialSystem", "VialText", "Vial", "VialEvaluation", "TestSupport"],
      swiftSettings: house),
    // Tests of the top
    .testTarget(
      name: "VialCommandTests",
      dependencies: ["CVial", "VialEngine", "VialText", "VialCommand", "TestSupport"],
      swiftSettings: house),
    // Tests with hostile bytes: committed vectors, and fuzzing
    .testTarget(
      name: "VectorTests", dependencies: ["VialFormat", "VialText", "Vial"], exclude: ["vectors"],
      swiftSettings: house),
    .target(
      name: "FuzzTargets",
      dependencies: [
        "VialNumerics", "VialFormat", "VialSystem", "VialText", "VialModel", "VialEngine", "Vial",
        "VialPacking",
      ],
      path: "Tests/Fuzz/Targets", swiftSettings: house),
    .target(
      name: "AllocationMeter", path: "Tests/Fuzz/Meter",
      cSettings: strictC),
    .testTarget(
      name: "FuzzTests",
      dependencies: [
        "AllocationMeter", "FuzzTargets", "VialFormat", "VialSystem", "VialText", "VialPacking",
      ],
      path: "Tests/Fuzz/Tests", swiftSettings: house),
  ],
  cLanguageStandard: .gnu17
)
