// Owns: the running of a checked template program over messages: the value stack, loops and limits.
// Must not: copy message text anywhere but to the output, or run longer than the step limit.
// Source: Spec/TEMPLATES.md, "Running".

internal import VialFormat

/// One rendering in progress.
struct TemplateRunner: ~Escapable {
  private struct Loop {
    let start: Int
    let end: Int
    var current: Int
  }

  /// A call that is under way.
  private struct Frame {
    let position: Int
    let firstSlot: Int
    let slots: [TemplateValue]
    let loopCount: Int
  }

  let template: ChatTemplate
  let pool: Span<UInt8>
  let builtins: Span<UInt8>
  let messages: ChatMessages
  let addsGenerationPrompt: Bool
  /// Slices of all strings made so far: offsets, no text.
  var arena: [TemplateSlice] = []
  /// Elements of all lists made so far, the messages first.
  var values: [TemplateValue] = []
  /// What is being written into strings.
  private var captures: [[TemplateSlice]] = []
  private var capturedCount = 0
  private var stack: [TemplateValue] = []
  private var slots: [TemplateValue]
  private var loops: [Loop] = []
  private var frames: [Frame] = []
  /// The further fields of each message, and the tools; none of them when the program does not ask
  /// for them.
  var fields: [TemplateValue] = []
  var tools = TemplateValue.none
  private var steps = 0
  private var budget: WorkBudget

  @_lifetime(copy pool, copy builtins, copy messages)
  init(
    _ template: ChatTemplate, pool: Span<UInt8>, builtins: Span<UInt8>, _ messages: ChatMessages,
    addsGenerationPrompt: Bool
  ) {
    self.template = template
    self.pool = pool
    self.builtins = builtins
    self.messages = messages
    for index in 0..<messages.entries.count {
      values.append(TemplateValue(kind: .message, first: index, second: 0))
    }
    self.addsGenerationPrompt = addsGenerationPrompt
    let (portion, overflow) = messages.text.count.multipliedReportingOverflow(
      by: TemplateLayout.workPerMessageByte)
    let (work, isEndless) = portion.addingReportingOverflow(TemplateLayout.maxWork)
    budget = WorkBudget(work: overflow || isEndless ? Int.max : work, byteCount: 0)
    slots = [TemplateValue](repeating: .undefined, count: template.slotCount)
  }

  @_lifetime(self: copy self)
  mutating func run(_ output: inout TemplateOutput) throws(TextError) {
    try takeFields()
    var position = 0
    while position < template.instructions.count,
      let instruction = template.instruction(position)
    {
      steps += 1
      guard steps <= TemplateLayout.maxStepCount else { throw .templateLimit }
      try charge(TemplateLayout.instructionWork)
      position += 1
      switch instruction.operation {
      case .halt: return
      case .jump: position = instruction.b
      case .jumpIfFalse: if !isTrue(try pop()) { position = instruction.b }
      case .jumpIfFalseKeep: try keepOrPop(jumpsOn: false, instruction.b, &position)
      case .jumpIfTrueKeep: try keepOrPop(jumpsOn: true, instruction.b, &position)
      case .loopBegin: try beginLoop()
      case .loopNext: try nextElement(instruction, &position)
      case .loopBack: position = instruction.b
      case .leaveLoop: if loops.popLast() == nil { throw .templateType }
      case .capture: try beginCapture()
      case .captured: try push(try endCapture())
      case .emit: try emit(try pop(), &output)
      case .refuse: throw .templateRefused(literal: instruction.b)
      case .unsupported: throw .templateUnsupported(literal: instruction.b)
      case .requirePlain: try requirePlain(instruction)
      case .call: try call(instruction, &position)
      case .goBack: position = try goBack()
      default: try compute(instruction)
      }
    }
  }

  /// Charges work, so that a short program cannot cost much.
  @_lifetime(self: copy self)
  mutating func charge(_ count: Int, times work: Int = 1) throws(TextError) {
    guard budget.spend(count, times: work) else { throw .templateLimit }
  }

  // MARK: Stack

  @_lifetime(self: copy self)
  mutating func push(_ value: TemplateValue) throws(TextError) {
    guard stack.count < TemplateLayout.maxStackDepth else { throw .templateLimit }
    stack.append(value)
  }

  @_lifetime(self: copy self)
  mutating func pop() throws(TextError) -> TemplateValue {
    guard let value = stack.popLast() else { throw .templateType }
    return value
  }

  @_lifetime(self: copy self)
  mutating func pop(_ kind: TemplateValue.Kind) throws(TextError) -> TemplateValue {
    let value = try pop()
    guard value.kind == kind else { throw .templateType }
    return value
  }

  func slot(_ index: Int) -> TemplateValue { slots[index] }

  @_lifetime(self: copy self)
  mutating func store(_ value: TemplateValue, _ index: Int) { slots[index] = value }

  @_lifetime(self: copy self)
  private mutating func keepOrPop(
    jumpsOn truth: Bool, _ target: Int, _ position: inout Int
  ) throws(TextError) {
    guard let top = stack.last else { throw .templateType }
    if isTrue(top) == truth { position = target } else { stack.removeLast() }
  }

  /// Python's truth of a value.
  func isTrue(_ value: TemplateValue) -> Bool {
    switch value.kind {
    case .undefined, .none: false
    case .bool, .integer: value.first != 0
    case .string: value.second > 0
    case .message: true
    case .list, .object: value.first < value.second
    case .number: !isZero(value)
    }
  }

  // MARK: Calls

  @_lifetime(self: copy self)
  private mutating func call(
    _ instruction: ChatTemplate.Instruction, _ position: inout Int
  ) throws(TextError) {
    guard frames.count < TemplateLayout.maxCallDepth else { throw .templateLimit }
    let (first, count) = (instruction.a >> 8, instruction.a & 0xFF)
    try charge(count, times: TemplateLayout.elementWork)
    frames.append(
      Frame(
        position: position, firstSlot: first, slots: Array(slots[first..<first + count]),
        loopCount: loops.count))
    position = instruction.b
  }

  @_lifetime(self: copy self)
  private mutating func goBack() throws(TextError) -> Int {
    guard let frame = frames.popLast(), frame.loopCount == loops.count else { throw .templateType }
    for (index, value) in frame.slots.enumerated() { slots[frame.firstSlot + index] = value }
    return frame.position
  }

  // MARK: Loops

  @_lifetime(self: copy self)
  private mutating func beginLoop() throws(TextError) {
    let list = try iterated(try pop())
    guard loops.count < TemplateLayout.maxLoopDepth else { throw .templateLimit }
    loops.append(Loop(start: list.first, end: list.second, current: list.first - 1))
  }

  @_lifetime(self: copy self)
  private mutating func nextElement(
    _ instruction: ChatTemplate.Instruction, _ position: inout Int
  ) throws(TextError) {
    guard var loop = loops.popLast() else { throw .templateType }
    loop.current += 1
    if loop.current < loop.end {
      slots[instruction.a] = values[loop.current]
      loops.append(loop)
    } else {
      position = instruction.b
    }
  }

  /// What the innermost loop knows.
  func loopValue(_ field: Int) throws(TextError) -> TemplateValue {
    guard let loop = loops.last else { throw .templateType }
    let index = loop.current - loop.start
    switch field {
    case 0: return .integer(index)
    case 1: return .integer(index + 1)
    case 2: return .bool(index == 0)
    case 3: return .bool(loop.current + 1 == loop.end)
    case 4: return .integer(loop.end - loop.start)
    case 5: return index > 0 ? values[loop.current - 1] : .undefined
    case 6: return loop.current + 1 < loop.end ? values[loop.current + 1] : .undefined
    default: return .integer(loop.end - loop.current - (field == 7 ? 0 : 1))
    }
  }

  // MARK: Output

  @_lifetime(self: copy self)
  private mutating func emit(
    _ value: TemplateValue, _ output: inout TemplateOutput
  ) throws(TextError) {
    let text = try written(value)
    try charge(text.second, times: TemplateLayout.elementWork)
    for index in text.first..<text.first + text.second {
      let slice = arena[index]
      guard captures.isEmpty else {
        guard capturedCount < TemplateLayout.maxSliceCount else { throw .templateLimit }
        captures[captures.count - 1].append(slice)
        capturedCount += 1
        continue
      }
      try charge(slice.count)
      try output.append(slice, from: source(slice))
    }
  }

  @_lifetime(self: copy self)
  private mutating func beginCapture() throws(TextError) {
    guard captures.count < TemplateLayout.maxCaptureDepth else { throw .templateLimit }
    captures.append([])
  }

  @_lifetime(self: copy self)
  private mutating func endCapture() throws(TextError) -> TemplateValue {
    guard let slices = captures.popLast() else { throw .templateType }
    return try string(slices)
  }

  /// The bytes that a slice points into.
  @_lifetime(copy self)
  func source(_ slice: TemplateSlice) -> Span<UInt8> {
    switch slice.origin {
    case .pool: pool
    case .builtin: builtins
    case .message, .literalMessage: messages.text
    }
  }
}

extension ChatTemplate {
  /// Renders `messages` to the start of `output`, and to the start of `literals` the stretches that
  /// must stay text: hand both to `Tokenizer.encode`. What does not fit is counted, not written, so
  /// a result above a capacity asks for another call. Bounded by `TemplateLayout`'s limits.
  public func render(
    _ messages: ChatMessages, addsGenerationPrompt: Bool,
    into output: inout MutableSpan<UInt8>, literals: inout MutableSpan<TextRange>
  ) throws(TextError) -> RenderedChat {
    guard messages.entries.count <= TemplateLayout.maxMessageCount, messages.isValid else {
      throw .templateLimit
    }
    var sink = TemplateOutput(
      output._mutatingExtracting(...), literals._mutatingExtracting(...))
    var runner = TemplateRunner(
      self, pool: pool.span, builtins: builtins.span, messages,
      addsGenerationPrompt: addsGenerationPrompt)
    try runner.run(&sink)
    return RenderedChat(byteCount: sink.byteCount, literalCount: sink.literalCount)
  }
}
