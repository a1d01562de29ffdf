// Every format of question sets, and lines that are none of them.

import Testing
import VialEvaluation

@Suite struct QuestionFileTests {
  private func file(_ lines: String...) -> QuestionFile {
    QuestionFile(Array(lines.joined(separator: "\n").utf8))
  }

  private func question(_ line: String) throws -> Question {
    let file = file(line)
    #expect(file.brokenLines.isEmpty, "\(file.brokenLines)")
    return try #require(file.questions.first)
  }

  @Test func everyFormatIsTheSameQuestion() throws {
    let options = ["Iron", "Zinc", "Salt", "Gold"]
    let lines = [
      #"{"question":"Q?","options":{"B":"Zinc","A":"Iron","D":"Gold","C":"Salt"},"answer_idx":"B","answer":"Zinc","meta_info":"x"}"#,
      #"{"question":"Q?","options":{"A":"Iron","B":"Zinc","C":"Salt","D":"Gold"},"answer":"B","answer_text":"Zinc","meta":"x"}"#,
      #"{"question":"Q?","opa":"Iron","opb":"Zinc","opc":"Salt","opd":"Gold","cop":1,"subject_name":"x"}"#,
      #"{"question":"Q?","choices":["Iron","Zinc","Salt","Gold"],"answer":1,"subject":"x"}"#,
      #"{"question":"Q?","choices":["Iron","Zinc","Salt","Gold"],"answer":"B","subject":"x"}"#,
      #"{"question":" Q?\n","options":["Iron","Zinc","Salt","Gold"],"answer":"Zinc","category":"x"}"#,
      #"{"sent1":"Q?","ending0":"Iron","ending1":"Zinc","ending2":"Salt","ending3":"Gold","label":1,"meta":"x"}"#,
      #"{"question":"Q?","options":[{"key":"A","value":"Iron"},{"key":"B","value":"Zinc"},{"key":"C","value":"Salt"},{"key":"D","value":"Gold"}],"answer_idx":"B","meta":"x"}"#,
      #"{"doc_id":7,"doc":{"question":"Q?","choices":["Iron","Zinc","Salt","Gold"],"answer":1,"subject":"x"},"target":"3","arguments":[["a","b"]]}"#,
      #"{"doc_id":7,"doc":{"question":"Q?","choices":["Iron","Zinc","Salt","Gold"],"subject":"x"},"target":1}"#,
    ]
    for line in lines {
      let question = try question(line)
      #expect(question.text == "Q?" && question.options == options, "\(line)")
      #expect(question.answer == 1 && question.category == "x" && question.context == "", "\(line)")
    }
    #expect(try question(lines[8]).id == "doc 7")
    #expect(try question(lines[0]).id == "line 1")
  }

  @Test func pubMedQAHasContextsAndThreeOptions() throws {
    for line in [
      #"{"pmid":"12","QUESTION":"Q?","CONTEXTS":["One.","Two."],"final_decision":"maybe"}"#,
      #"{"pmid":"12","question":"Q?","contexts":["One.","Two."],"answer":"maybe"}"#,
      #"{"pubid":12,"question":"Q?","context":{"contexts":["One.","Two."]},"final_decision":"maybe"}"#,
    ] {
      let question = try question(line)
      #expect(question.options == ["yes", "no", "maybe"] && question.answer == 2, "\(line)")
      #expect(question.context == "One.\nTwo." && question.id == "12", "\(line)")
    }
  }

  @Test func medMCQACountsFromZeroUnlessTheFileShowsOtherwise() {
    func line(_ cop: Int) -> String {
      #"{"question":"Q?","opa":"a1","opb":"b1","opc":"c1","opd":"d1","cop":\#(cop)}"#
    }
    #expect(file(line(0), line(3), line(-1)).questions.map(\.answer) == [0, 3])
    #expect(file(line(0), line(3), line(-1)).unlabeledCount == 1)
    #expect(file(line(1), line(4)).questions.map(\.answer) == [0, 3])
    #expect(file(line(0), line(4)).brokenLines.map(\.number) == [2])
  }

  @Test func aBrokenLineIsNamedAndTheRestStays() {
    let good = #"{"id":"a","question":"Q?","options":["x","y"],"answer":0}"#
    let broken = [
      "{", "[]", #"{"question":"Q?"}"#, #"{"options":["x","y"],"answer":0}"#,
      #"{"question":"secret","options":["x","y"],"answer":2}"#,
      #"{"question":"secret","options":["x","y"],"answer":"z"}"#,
      #"{"question":"secret","options":["x"],"answer":0}"#,
      #"{"question":"secret","options":["x",3],"answer":0}"#,
      #"{"question":"secret","options":["x","y"]}"#, good,
      #"{"question":"secret","opa":"a","opb":"b","opc":"c","opd":"d","cop":9223372036854775807}"#,
    ]
    var lines = [good, "", " \r"]
    lines += broken
    let file = QuestionFile(Array(lines.joined(separator: "\n").utf8) + [0x0A, 0xFF, 0x0A])
    #expect(file.questions.count == 1)
    #expect(file.brokenLines.map(\.number) == Array(4...15))
    for line in file.brokenLines { #expect(!line.error.description.contains("secret")) }
  }
}
