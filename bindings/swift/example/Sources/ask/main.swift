import Vial

let model = try Model(path: CommandLine.arguments[1])
let engine = try Engine(model: model)
let stream = try engine.stream("What are the symptoms of anemia?")
for try await piece in stream where piece.part == .answer {
  print(piece.text, terminator: "")
}
