// Python's ways with strings in chat templates: formats, titles, white space, searches. What is expected was rendered by
// jinja2 3.1 as transformers sets it up (Tests/Scripts/compare_templates.py).

import Testing
import VialPacking
import VialText

@Suite struct PythonTextTests {
  private func render(_ source: String, _ content: String = "a-b c") throws -> String {
    let template = try TestTemplate(source, specialTokens: [:])
    let text = try template.render([TestMessage("user", content)], addsGenerationPrompt: false).text
    return String(decoding: text, as: UTF8.self)
  }

  @Test func formats() throws {
    for (source, text) in [
      ("{{ '<%s>' % messages[0].role }}", "<user>"),
      ("{{ '%s: %d%% %s' % (messages[0].role, messages | length, none) }}", "user: 1% None"),
      ("{{ '%s' % loop }}", ""), ("{{ '%%' % () }}", "%"), ("{{ 7 % 4 }}", "3"),
      ("{{ '%s-%s' | format('a', messages[0].role) }}", "a-user"),
      ("{{ '{} {{x}} {}'.format('a', messages[0].role) }}", "a {x} user"),
      ("{{ '{1}{0}{1}'.format('a', messages[0].role) }}", "userauser"),
      ("{{ 'ab' * 3 }}{{ 2 * '-' }}{{ 'x' * 0 }}", "ababab--"),
      (
        "{% if 1 < 2 < 3 %}a{% endif %}{% if 3 > 2 > 2 %}b{% endif %}{% if 1 == 1 != 2 %}c{% endif %}",
        "ac"
      ),
    ] { #expect(try render(source) == text, "\(source)") }
  }

  @Test func dictionaries() throws {
    let names = "{% set d = {'user': 'U', 'assistant': 'A', 'x': 2, 'x': 3} %}"
    for (source, text) in [
      ("{{ d[messages[0].role] }}{{ d['assistant'] }}{{ d.x }}{{ d.none }}", "UA3"),
      (
        "{{ d[messages[0].content] }}|{{ d.get(messages[0].role) }}{{ d.get('y', 'z') }}{{ d.get('y') }}",
        "|UzNone"
      ),
      ("{{ messages[0].role in d }}{{ messages[0].content in d }}{{ 'x' in d }}", "TrueFalseTrue"),
      ("{{ d is mapping }}{{ d is string }}{% if d %}y{% endif %}", "TrueFalsey"),
      ("{{ {'user': 'a'}[messages[0].role] }}", "a"),
    ] { #expect(try render(names + source) == text, "\(source)") }
  }

  @Test func titles() throws {
    let content = "the pATIENT's 3rd (old)note {x}y [z]-w_v <b>c"
    #expect(
      try render("{{ messages[0].content.title() }}", content)
        == "The Patient'S 3Rd (Old)Note {X}Y [Z]-W_V <B>C")
    #expect(
      try render("{{ messages[0].content | title }}", content)
        == "The Patient's 3rd (Old)note {X}y [Z]-W_v <B>c")
    #expect(
      try render("{{ messages[0].role.title() }}: {{ ('x' ~ messages[0].role)|title }}")
        == "User: Xuser")
    #expect(throws: TextError.self) { try render("{{ messages[0].content.title() }}", "é") }
  }

  @Test func searches() throws {
    let content = "日<t>本<t>語"
    for (source, text) in [
      ("{{ messages[0].content.find('<t>') }} {{ messages[0].content.rfind('<t>') }}", "1 5"),
      ("{{ messages[0].content.find('x') }} {{ messages[0].content.rfind('') }}", "-1 9"),
      (
        "{% set p = messages[0].content.find('本') %}{{ messages[0].content[:p] }}|{{ messages[0].content[p:] }}",
        "日<t>|本<t>語"
      ),
      (
        "{% if messages[0].role == 'user' %}{% set s = '<t>' %}{% else %}{% set s = 'x' %}{% endif %}"
          + "{{ messages[0].content.split(s) | join('/') }}{{ messages[0].content.split(s)[-1] }}"
          + "{{ messages[0].content.split(s, 1)[1] }}", "日/本/語語本<t>語"
      ),
      ("{{ messages[0].content.split(none) | length }}", "1"),
      (
        "{% set f = messages[0].role == 'user' %}{{ f is true }} {{ f is false }} {{ f is not false }}",
        "True False True"
      ),
    ] { #expect(try render(source, content) == text, "\(source)") }
    let empty = "{% set s = messages[0].content %}{{ messages[0].role.split(s) | join }}"
    #expect(throws: TextError.self) { try render(empty, "") }
  }

  /// White space beside tags, in tags and in `trim` is what Python takes for it.
  @Test func whiteSpaceIsPythons() throws {
    let space = "\u{A0}\u{2003}\u{3000}\u{1F}\u{85}"
    #expect(try render("a\(space){%- if true -%}\(space)b{% endif %}\(space)c") == "ab\(space)c")
    #expect(try render("a\(space){{- 'b' -}}\(space)c\(space){#- x -#}\(space)d") == "abcd")
    #expect(try render("x\n\(space){% if true %}\ny{% endif %}") == "x\ny")
    #expect(try render("{{\(space)'a'\(space)~\(space)messages[0].role\(space)}}") == "auser")
    #expect(try render("[{{ messages[0].content | trim }}]", "\(space)a\(space)") == "[a]")
    // A plus sign keeps the line end behind a comment.
    #expect(try render("a{# x +#}\nb{# x #}\nc") == "a\nbc")
  }

  @Test func theHintNamesTheFlag() throws {
    for source in ["{{ strftime_now('%Y') }}", "{% set d = strftime_now('%Y') %}{{ d }}"] {
      do {
        _ = try ChatTemplateCompiler.compile(source, specialTokens: [:])
        Issue.record("compiled")
      } catch { #expect("\(error)".contains("--template-date")) }
      #expect(
        try ChatTemplateCompiler.compile(
          source, specialTokens: [:], date: TemplateDate("2026-11-30")
        )
        .warnings.isEmpty)
    }
  }
}
