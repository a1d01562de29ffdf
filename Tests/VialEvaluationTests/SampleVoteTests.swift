// What counts as the same answer, and which of equals wins.

import Testing
import VialEvaluation

@Suite struct SampleVoteTests {
  @Test func mostSamplesWin() throws {
    let vote = try #require(SampleVote(["no", " yes\n", nil, "yes"]))
    #expect(vote.winner == 1 && vote.count == 2 && vote.sampleCount == 3)
    #expect(vote.agreement == 2.0 / 3)
  }

  @Test func ofEqualsTheFirstWins() throws {
    let vote = try #require(SampleVote([nil, "b", "a"]))
    #expect(vote.winner == 1 && vote.count == 1)
    #expect(SampleVote([nil, nil]) == nil)
  }

  @Test func objectsCountByTheirValues() throws {
    let vote = try #require(SampleVote(["x", #"{"a": [1, 2]}"#, #"{ "a":[1,2] }"#]))
    #expect(vote.winner == 1 && vote.count == 2)
  }
}
