// swift-tools-version: 6.2
// A host of Vial: swift run -c release ask model.vial
import PackageDescription

let package = Package(
  name: "ask",
  dependencies: [.package(name: "vial", path: "../../..")],
  targets: [
    .executableTarget(name: "ask", dependencies: [.product(name: "Vial", package: "vial")])
  ]
)
