// Owns: which inner modules `import Vial` brings along: requests, events and options are the
// engine's.
// Must not: declare anything.

@_exported public import VialEngine
