// Owns: which types of inner modules `import Vial` brings along: those that a host writes down.
// Must not: declare anything, or export a whole module: what is not listed stays our own.

@_exported public import enum VialCompute.KVCacheType
@_exported public import struct VialCompute.KernelFamily
@_exported public import struct VialEngine.AnswerGrammar
@_exported public import enum VialEngine.AnswerPart
@_exported public import struct VialEngine.ComputeOptions
@_exported public import struct VialEngine.EngineMetrics
@_exported public import struct VialEngine.EngineOptions
@_exported public import enum VialEngine.FinishReason
@_exported public import struct VialEngine.GenerationOptions
@_exported public import struct VialEngine.LogLine
@_exported public import struct VialEngine.PenaltyReach
@_exported public import enum VialEngine.PenaltyScope
@_exported public import class VialEngine.Request
@_exported public import struct VialEngine.RequestEvent
@_exported public import struct VialEngine.RequestTimings
@_exported public import enum VialEngine.RunnerError
@_exported public import struct VialEngine.SamplingParameters
@_exported public import class VialEngine.StopList
@_exported public import struct VialEngine.TokenAlternative
@_exported public import struct VialEngine.TokenBias
@_exported public import struct VialEngine.TokenFigures
@_exported public import struct VialEngine.TokenRules
@_exported public import struct VialFormat.FormatError
@_exported public import struct VialFormat.PublicKey
@_exported public import class VialModel.Adapter
@_exported public import struct VialModel.AppliedAdapter
@_exported public import class VialModel.ModelFile
@_exported public import class VialSystem.MappedFile
@_exported public import struct VialSystem.MemorySource
@_exported public import class VialSystem.SecureBuffer
@_exported public import struct VialSystem.SystemError
@_exported public import enum VialText.GrammarError
@_exported public import enum VialText.PromptError
@_exported public import struct VialText.PromptTemplate
@_exported public import enum VialText.TextError
