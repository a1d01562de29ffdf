// Owns: the way from normalised text to token ids: cutting into words, first symbols at byte or
// character level, merging.
// Must not: look for added tokens, or normalise to NFC; `Encoder` has done both.
// Source: Spec/TOKENIZER.md, "Words and symbols".

extension Encoder {
  /// Step 4: cuts a stretch without added tokens into words and encodes each.
  func words(
    _ text: Span<UInt8>, _ range: Range<Int>, _ isFirst: Bool,
    _ workspace: inout TokenizerWorkspace, _ output: inout MutableSpan<UInt32>,
    _ count: inout Int
  ) throws(TextError) {
    switch header.preTokenizer {
    case .metaspace, .metaspaceSplit:
      let prepends =
        !has(TokenizerLayout.Flag.metaspaceNever)
        && (isFirst || !has(TokenizerLayout.Flag.metaspaceFirst))
      try prefixed(text, range, prepends: prepends, replaces: true, &workspace, &output, &count)
    case .none, .gpt2, .qwen2, .llama3, .gpt2Digits, .tekken, .o200k, .qwen35, .deepSeekV3:
      if has(TokenizerLayout.Flag.addPrefixSpace) {
        try prefixed(text, range, prepends: true, replaces: false, &workspace, &output, &count)
      } else {
        try cut(text, range, &workspace, &output, &count)
      }
    }
  }

  /// Cuts a copy of the stretch with a space in front.
  private func prefixed(
    _ text: Span<UInt8>, _ range: Range<Int>, prepends: Bool, replaces: Bool,
    _ workspace: inout TokenizerWorkspace, _ output: inout MutableSpan<UInt32>,
    _ count: inout Int
  ) throws(TextError) {
    let byteCount = try SpaceNormalizer.prefix(
      text, range, prepends: prepends, replaces: replaces, &workspace.word)
    var word = WipedBuffer<UInt8>()
    swap(&word, &workspace.word)
    try cut(word.span, 0..<byteCount, &workspace, &output, &count)
    swap(&word, &workspace.word)
  }

  private func cut(
    _ text: Span<UInt8>, _ range: Range<Int>, _ workspace: inout TokenizerWorkspace,
    _ output: inout MutableSpan<UInt32>, _ count: inout Int
  ) throws(TextError) {
    var position = range.lowerBound
    if header.kind == .byteLevel {
      let cutter = PreTokenizer(
        text, limit: range.upperBound, classes: classes, pattern: header.preTokenizer)
      while position < range.upperBound {
        let end = cutter.wordEnd(from: position)
        try byteWord(text, position..<end, &workspace, &output, &count)
        position = end
      }
      return
    }
    let splits = header.preTokenizer == .metaspaceSplit
    let cuts = has(TokenizerLayout.Flag.cutsAtSpaces)
    while position < range.upperBound {
      var end = position + 1
      while end < range.upperBound {
        if text[end] == 0x20, splits || (cuts && text[end - 1] != 0x20) { break }
        end += 1
      }
      try characterWord(text, position..<end, &workspace, &output, &count)
      position = end
    }
  }

  /// A word whose bytes are its symbols.
  private func byteWord(
    _ text: Span<UInt8>, _ range: Range<Int>, _ workspace: inout TokenizerWorkspace,
    _ output: inout MutableSpan<UInt32>, _ count: inout Int
  ) throws(TextError) {
    if range.count == 1 {
      emit(tables.byteTokens[Int(text[range.lowerBound])], &output, &count)
      return
    }
    if has(TokenizerLayout.Flag.ignoreMerges),
      let id = tables.token(text, range, &workspace.work)
    {
      emit(id, &output, &count)
      return
    }
    try workspace.symbols.reserve(range.count, fill: 0)
    let symbolCount = byteSymbols(text, range, &workspace.symbols)
    try finish(symbolCount, &workspace, &output, &count)
  }

  private func byteSymbols(
    _ text: Span<UInt8>, _ range: Range<Int>, _ buffer: inout WipedBuffer<UInt32>
  ) -> Int {
    var symbols = buffer.mutableSpan
    var written = 0
    for index in range {
      let id = tables.byteTokens[Int(text[index])]
      guard id != TokenizerLayout.noToken else { continue }
      symbols[written] = id
      written += 1
    }
    return written
  }

  /// A word whose characters are its symbols, or the bytes of characters outside the vocabulary.
  private func characterWord(
    _ text: Span<UInt8>, _ range: Range<Int>, _ workspace: inout TokenizerWorkspace,
    _ output: inout MutableSpan<UInt32>, _ count: inout Int
  ) throws(TextError) {
    if has(TokenizerLayout.Flag.ignoreMerges),
      let id = tables.token(text, range, &workspace.work)
    {
      emit(id, &output, &count)
      return
    }
    try workspace.symbols.reserve(range.count, fill: 0)
    let symbolCount = characterSymbols(text, range, &workspace.symbols, &workspace.work)
    try finish(symbolCount, &workspace, &output, &count)
  }

  /// At most one symbol per byte. An unknown token waits for the next known character, so that
  /// neighbours can be fused; byte tokens in between overtake it, as in the original.
  private func characterSymbols(
    _ text: Span<UInt8>, _ range: Range<Int>, _ buffer: inout WipedBuffer<UInt32>,
    _ work: inout WorkBudget
  ) -> Int {
    var symbols = buffer.mutableSpan
    var written = 0
    var isUnknownWaiting = false
    var position = range.lowerBound
    while position < range.upperBound, work.work > 0 {
      let scalar = UTF8Text.decode(text, at: position, limit: range.upperBound)
      let character = position..<position + scalar.byteCount
      position = character.upperBound
      if let id = symbol(text, character, &work) {
        if isUnknownWaiting {
          symbols[written] = header.unknownToken
          written += 1
          isUnknownWaiting = false
        }
        symbols[written] = id
        written += 1
      } else if hasFallback(text, character) {
        for index in character {
          symbols[written] = tables.fallbackTokens[Int(text[index])]
          written += 1
        }
      } else if header.unknownToken != TokenizerLayout.noToken {
        if isUnknownWaiting, !has(TokenizerLayout.Flag.fuseUnknown) {
          symbols[written] = header.unknownToken
          written += 1
        }
        isUnknownWaiting = true
      }
    }
    if isUnknownWaiting {
      symbols[written] = header.unknownToken
      written += 1
    }
    return written
  }

  @inline(__always)
  private func symbol(
    _ text: Span<UInt8>, _ character: Range<Int>, _ work: inout WorkBudget
  ) -> UInt32? {
    if character.count == 1 {
      let id = tables.byteTokens[Int(text[character.lowerBound])]
      return id == TokenizerLayout.noToken ? nil : id
    }
    return tables.token(text, character, &work)
  }

  /// Whether every byte of a character has a byte token.
  private func hasFallback(_ text: Span<UInt8>, _ character: Range<Int>) -> Bool {
    guard has(TokenizerLayout.Flag.byteFallback) else { return false }
    for index in character
    where tables.fallbackTokens[Int(text[index])] == TokenizerLayout.noToken {
      return false
    }
    return true
  }

  private func finish(
    _ symbolCount: Int, _ workspace: inout TokenizerWorkspace,
    _ output: inout MutableSpan<UInt32>, _ count: inout Int
  ) throws(TextError) {
    let remaining = try MergeEngine.merge(count: symbolCount, tables, &workspace)
    try workspace.checkWork()
    let symbols = workspace.symbols.span
    for index in 0..<remaining { emit(symbols[index], &output, &count) }
  }
}
