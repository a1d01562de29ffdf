// Rotary frequencies against values computed with 50 decimal digits and rounded as transformers rounds.

import Testing
import VialPacking

@Suite struct RotaryTests {
  private func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

  @Test func plainFrequencies() {
    let values = RotaryScaling.none.inverseFrequencies(base: 1e4, headDimension: 64)
    #expect(
      bits(values) == [
        0x3F80_0000, 0x3F3F_F911, 0x3F0F_F59A, 0x3ED7_E89B, 0x3EA1_E89B, 0x3E72_D423, 0x3E36_1887,
        0x3E08_8D77, 0x3DCC_CCCD, 0x3D99_940D, 0x3D66_55C2, 0x3D2C_BA15, 0x3D01_86E3, 0x3CC2_434F,
        0x3C91_AD39, 0x3C5A_7BF2, 0x3C23_D70A, 0x3BF5_B9B0, 0x3BB8_449C, 0x3B8A_2E77, 0x3B4F_3E38,
        0x3B1B_690D, 0x3AE9_1528, 0x3AAE_C98E, 0x3A83_126F, 0x3A44_948C, 0x3A13_6A16, 0x39DD_1725,
        0x39A5_CB60, 0x3978_A815, 0x393A_7753, 0x390B_D472,
      ])
  }

  @Test func qwenFrequencies() {
    let values = RotaryScaling.none.inverseFrequencies(base: 1e6, headDimension: 128)
    #expect(values.count == 64)
    #expect(
      bits(stride(from: 0, to: 64, by: 3).map { values[$0] }) == [
        0x3F80_0000, 0x3F05_F6EF, 0x3E8C_3504, 0x3E12_BD91, 0x3D99_940D, 0x3D20_BC1D, 0x3CA8_398B,
        0x3C30_1052, 0x3BB8_449C, 0x3B40_DAC5, 0x3AC9_D75C, 0x3A53_3F28, 0x39DD_1725, 0x3967_6492,
        0x38F2_2CE2, 0x387D_75D4, 0x3804_A2B2, 0x378A_D0ED, 0x3711_48E3, 0x3698_0E02, 0x361F_23E4,
        0x35A6_8E4C,
      ])
  }

  @Test func llama3Frequencies() {
    let rule = RotaryScaling.Llama3(
      factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalContextLength: 8192)
    let values = RotaryScaling.llama3(rule).inverseFrequencies(base: 5e5, headDimension: 128)
    let expected: [(Int, UInt32)] = [
      (0, 0x3F80_0000), (1, 0x3F50_8AC1), (27, 0x3B81_2E35), (28, 0x3B52_7720),
      (29, 0x3B0D_FD06), (30, 0x3AB3_D11D), (31, 0x3A60_979E), (32, 0x3A09_95D2),
      (33, 0x39A3_F108), (34, 0x393B_2DD2), (35, 0x38C8_6886), (36, 0x38A3_418D),
      (62, 0x34CA_41B0), (63, 0x34A4_C2FF),
    ]
    for (index, bits) in expected { #expect(values[index].bitPattern == bits, "index \(index)") }
  }

  @Test func linearFrequencies() {
    let plain = RotaryScaling.none.inverseFrequencies(base: 1e4, headDimension: 16)
    let scaled = RotaryScaling.linear(factor: 4).inverseFrequencies(base: 1e4, headDimension: 16)
    #expect(scaled == plain.map { $0 / 4 })
  }
}
