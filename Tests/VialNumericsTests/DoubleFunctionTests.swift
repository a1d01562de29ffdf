// Logarithm, exponential and power against the C library's, and their bits, which files and reports
// depend on.

import Foundation
import Testing
import VialNumerics

@Suite struct DoubleFunctionTests {
  @Test func functionsEqualTheCLibrarys() {
    for step in -2000...2000 {
      let x = Double(step) * 0.3541
      let (own, library) = (DoubleFunctions.exp(x), exp(x))
      #expect(own == library || abs(own / library - 1) < 1e-15 || library < 1e-300, "exp \(x)")
      let y = exp(x / 3)
      #expect(abs(DoubleFunctions.log(y) - log(y)) <= 1e-15 * max(1, abs(log(y))), "log \(y)")
    }
    #expect(DoubleFunctions.log(0) == -.infinity && DoubleFunctions.log(-1).isNaN)
    #expect(DoubleFunctions.exp(-800) == 0 && DoubleFunctions.exp(800) == .infinity)
  }

  /// Every machine gives these bits, and every version: rotary frequencies of packed files and the
  /// figures of reports come from them.
  @Test func bitsArePinned() {
    let exponentials: [(Double, UInt64)] = [
      (1, 0x4005_BF0A_8B14_576A), (-1, 0x3FD7_8B56_362C_EF38), (0.5, 0x3FFA_6129_8E1E_069C),
      (-20.25, 0x3E1B_93DE_1E27_CA3B), (100, 0x48F3_494A_9B17_1BF5),
      (700.25, 0x7F12_FD8E_4CBF_A413), (-744.5, 1),
    ]
    for (x, bits) in exponentials {
      #expect(DoubleFunctions.exp(x).bitPattern == bits, "exp \(x)")
    }
    let logarithms: [(Double, UInt64)] = [
      (2, 0x3FE6_2E42_FEFA_39EF), (10, 0x4002_6BB1_BBB5_5516), (0.1, 0xC002_6BB1_BBB5_5515),
      (1e300, 0x4085_9634_47F8_7FB5), (0.75, 0xBFD2_6962_1134_DB92),
      (1.5, 0x3FD9_F323_ECBF_984C),
    ]
    for (x, bits) in logarithms {
      #expect(DoubleFunctions.log(x).bitPattern == bits, "log \(x)")
    }
    #expect(DoubleFunctions.power(1e6, 0.984375).bitPattern == 0x4128_97A4_6022_45E3)
    #expect(DoubleFunctions.power(1e4, 0.03125).bitPattern == 0x3FF5_561A_91BA_8144)
  }

  @Test func powersAreAccurate() {
    for (base, exponent, expected) in [
      (2.0, 10.0, 1024.0), (10, 0.5, 3.162_277_660_168_379_5), (1, 0.7, 1), (1e15, 1, 1e15),
      (1e6, 0.984375, 805842.187761482),
    ] {
      let value = DoubleFunctions.power(base, exponent)
      #expect(abs(value / expected - 1) < 2e-14)
    }
  }
}
