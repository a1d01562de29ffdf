public import VialSystem
import VialText
extension Model {
  public func chatTokens(user: Span<UInt8>) throws(VialError) -> SecureBuffer<UInt32> { throw .noChatTemplate }
}
