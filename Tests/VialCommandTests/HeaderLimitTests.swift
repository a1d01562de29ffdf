// Limits that stand in the header and in the library: they are the same.

import CVial
import Testing
import VialEngine
import VialText

@Suite struct HeaderLimitTests {
  @Test func limitsAreTheHeaders() {
    #expect(Int(VIAL_SCHEMA_WORK_LIMIT) == GrammarLimits.work)
    #expect(Int(VIAL_SCHEMA_MEMORY_LIMIT) == GrammarLimits.memoryByteCount)
    #expect(Int(VIAL_SCHEMA_BYTE_LIMIT) == GrammarLimits.schemaByteCount)
    #expect(Int(VIAL_CHOICE_COUNT_LIMIT) == GrammarLimits.valueCount)
    #expect(Int(VIAL_CHOICE_BYTE_LIMIT) == GrammarLimits.valueByteCount)
    #expect(Int(VIAL_TEMPLATE_WORK_LIMIT) == TemplateLayout.maxWork)
    #expect(Int(VIAL_VALUE_COUNT_LIMIT) == ChatValueReader.nodeLimit)
    #expect(Int(VIAL_TOKENIZER_WORK_PER_BYTE) == TokenizerLimits.workPerByte)
    #expect(Int(VIAL_TOKENIZER_WORK_LEAST) == TokenizerLimits.leastWork)
    #expect(Int(VIAL_TEXT_BYTE_LIMIT) == TemplateLayout.maxOutputByteCount)
    #expect(Int(VIAL_TEXT_BYTE_LIMIT) == PromptLimits.renderedByteCount)
    #expect(Int(VIAL_STOP_COUNT_LIMIT) == StopStrings.maxCount)
    #expect(Int(VIAL_STOP_BYTE_LIMIT) == StopStrings.maxByteCount)
    #expect(Int(VIAL_PREFILL_BYTE_LIMIT) == GenerationOptions.prefillByteLimit)
    #expect(Int(VIAL_TOKEN_RULE_LIMIT) == TokenRules.entryLimit)
  }
}
