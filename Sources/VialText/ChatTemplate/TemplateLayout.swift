// Owns: the shape of a compiled chat template, shared by its reader and its compiler.
// Must not: run anything.
// Source: Spec/TEMPLATES.md, "Program".

/// Field offsets, limits and operations of a template program.
package enum TemplateLayout {
  package static let version: UInt32 = 1
  package static let headerByteCount = 64
  package static let maxInstructionCount: UInt32 = 4096
  package static let maxLiteralCount: UInt32 = 2048
  package static let maxPoolByteCount: UInt32 = 1 << 16
  package static let maxSlotCount: UInt32 = 128
  package static let maxStackDepth = 64
  /// Loops inside of loops of one text; a macro that calls itself has more.
  package static let maxCompiledLoopDepth = 4
  package static let maxLoopDepth = 64
  /// Calls inside of calls.
  package static let maxCallDepth = 64
  package static let maxMessageCount = 4096
  package static let maxStepCount = 2_000_000
  package static let maxSliceCount = 1 << 18
  /// Work of one rendering for no message at all, and for each byte of the messages: an instruction
  /// is `instructionWork`, a slice or an element that is made `elementWork`, one that is looked at
  /// or a byte 1.
  package static let maxWork = 1 << 26
  package static let workPerMessageByte = 64
  package static let instructionWork = 32
  package static let elementWork = 8
  /// Elements of all lists, the messages' included.
  package static let maxValueCount = 1 << 18
  /// Captures inside of captures.
  package static let maxCaptureDepth = 64
  /// Bytes that a template may write, whatever the messages.
  package static let maxOutputByteCount = 1 << 24
  /// Stretches of literal text that it may write.
  package static let maxLiteralRangeCount = 1 << 18

  /// Byte offsets of the header's fields.
  package enum Field {
    package static let version = 0
    package static let instructionCount = 4
    package static let literalCount = 8
    package static let poolByteCount = 12
    package static let slotCount = 16
    package static let reserved32 = 20
    package static let instructions = 24
    package static let literals = 32
    package static let pool = 40
    package static let reserved64 = 48
    package static let reservedEnd = 56
  }
}

/// One operation. `a` and `b` are its operands; "pops" and "pushes" speak of the value stack.
package enum TemplateOperation: UInt16, CaseIterable {
  /// Ends the program.
  case halt = 0
  /// Pushes literal `b`.
  case pushLiteral = 1
  /// Pushes true or false (`b`).
  case pushBool = 2
  /// Pushes the integer `b` (two's complement).
  case pushInteger = 3
  /// Pushes nothing-at-all.
  case pushUndefined = 4
  /// Pushes none.
  case pushNone = 5
  /// Pushes slot `b`.
  case load = 6
  /// Pops into slot `b`.
  case store = 7
  /// Pushes the list of all messages.
  case pushMessages = 8
  /// Pushes whether the assistant's turn is to be opened.
  case pushGeneration = 9
  /// Pops a message, pushes its role (`b` 0) or content (`b` 1).
  case field = 10
  /// Pops an integer and a list or string, pushes what is there (negative from the end) or
  /// undefined.
  case element = 11
  /// Pops a list, pushes it without its first `a` and its last `b` messages.
  case slice = 12
  /// Pops a list or a string, pushes its length (of a string in characters).
  case length = 13
  /// Jumps to `b`, forward.
  case jump = 14
  /// Pops; jumps to `b`, forward, when it was false.
  case jumpIfFalse = 15
  /// Jumps to `b`, forward, when the top is false, else pops it.
  case jumpIfFalseKeep = 16
  /// Jumps to `b`, forward, when the top is true, else pops it.
  case jumpIfTrueKeep = 17
  /// Pops a list and opens a loop over it.
  case loopBegin = 18
  /// Stores the loop's next message in slot `a`, or closes the loop and jumps to `b`, forward.
  case loopNext = 19
  /// Jumps back to the `loopNext` at `b`.
  case loopBack = 20
  /// Pushes what the innermost loop knows: `b` 0 index0, 1 index, 2 first, 3 last, 4 length, 5 the
  /// element before, 6 the one behind, 7 revindex, 8 revindex0.
  case loopValue = 21
  /// Pops two, pushes whether they are equal.
  case equal = 22
  /// Pops, pushes the opposite truth value.
  case not = 23
  /// Pops the right and the left integer, pushes left < right.
  case less = 24
  /// Pops two integers, strings or lists, pushes their sum or concatenation.
  case add = 25
  /// Pops the right and the left integer, pushes the difference.
  case subtract = 26
  /// Pops the right and the left integer, pushes the remainder, which has the right one's sign.
  case modulo = 27
  /// Pops a string or list and what to look for, pushes whether it contains that.
  case contains = 28
  /// Pops a string, pushes it without white space (`a` 1 at the start, 2 at the end, 3 both) or,
  /// when `b` is not all ones, without the characters of literal `b`.
  case strip = 29
  /// Pops a string, pushes what stands before the first (`a` 0) or behind the last (`a` 1)
  /// literal `b`, or all of it.
  case split = 30
  /// Pops a string, pushes whether it starts (`a` 0) or ends (`a` 1) with literal `b`.
  case affix = 31
  /// Pops, pushes whether it is of kind `b` (see `TemplateValue.Kind`).
  case isKind = 32
  /// Pops and writes it out.
  case emit = 33
  /// Refuses the messages, with literal `b`.
  case refuse = 34
  /// Stops because literal `b` is not supported.
  case unsupported = 35
  /// Pops `b` values, pushes the list of them.
  case makeList = 36
  /// Pops step, stop and start, pushes the list of integers.
  case range = 37
  /// Pops a list, pushes it backwards.
  case reverse = 38
  /// Pops end and start (integers or none) and a list or string, pushes that part of it.
  case part = 39
  /// Pops a string, pushes the list of its parts between literal `b`, cut `a` times at most (0:
  /// everywhere), or, when that is all ones, between white space.
  case parts = 40
  /// Pops a separator and a list, pushes the string of its elements.
  case join = 41
  /// Pops the new and the old part and a string, pushes the string with all of the old replaced.
  case replace = 42
  /// Pops a string, pushes it in capitals (`a` 0), in small letters (1), beginning with a capital
  /// (2), or with each word beginning with one, words as in Python's `str.title` (3) or in Jinja's
  /// filter (4). Stops as `unsupported` does when it has other letters than those of ASCII.
  case changeCase = 43
  /// Pops a value, pushes its JSON.
  case json = 44
  /// What is written from here on goes into a string.
  case capture = 45
  /// Pushes that string.
  case captured = 46
  /// Closes the innermost loop.
  case leaveLoop = 47
  /// Pops a value, pushes what `emit` would write.
  case text = 48
  /// Pops a list of messages, pushes those whose role or content (`a` 0, 1) is literal `b`, or (2,
  /// 3) is not.
  case select = 49
  /// Pops the right and the left integer, pushes the product.
  case multiply = 50
  /// Pops the right and the left integer, pushes the quotient, rounded down.
  case divide = 51
  /// Pops an affix and a string, pushes whether it starts (`a` 0) or ends (1) with it.
  case hasAffix = 52
  /// Pops a list of messages, pushes the list of their roles (`a` 0) or contents (1).
  case fields = 53
  /// Pops a needle and a string, pushes where the needle begins in it first (`a` 0) or last (1), in
  /// characters, or -1.
  case find = 54
  /// Pops a separator and a string, pushes the list of its parts between separators, cut `a` times
  /// at most (0: everywhere); with none for a separator and `a` 0, between white space.
  case cut = 55
  /// Pushes the list of tools, or none.
  case pushTools = 56
  /// Pops a message, an object or another value, pushes its member literal `b`; without one
  /// undefined (`a` 0) or, of a message or object only, none (1).
  case member = 57
  /// Pops a key or number and a value, pushes what is there, or undefined.
  case item = 58
  /// Pops a message or object, pushes the list of its pairs (`a` 0), keys (1), values (2), pairs in
  /// the order of their keys whatever the letters' case (3), or pairs, of undefined the empty list
  /// (4). Of 3 literal `b` says what it does not sort.
  case pairs = 59
  /// Pops a value, pushes its JSON on several lines, indented by `a` spaces.
  case indentedJSON = 60
  /// Keeps the slots from `a` / 256 on, `a` % 256 of them, and goes on at `b` until `goBack`.
  case call = 61
  /// Goes on behind the innermost call, with the slots that it kept.
  case goBack = 62
  /// Stops as `unsupported` does when the conversation has tools (`a` & 1) or messages with further
  /// fields (`a` & 2).
  case requirePlain = 63
}
