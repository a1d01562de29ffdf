// The root of the command line.

import ArgumentParser

@main
struct VialCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "vial", abstract: "Medical language models in one file.",
    subcommands: [PackCommand.self])
}
