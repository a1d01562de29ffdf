// Owns: a small JSON reader for the conformance cases, which trusts its file.
// Must not: be part of vial.hpp.
#ifndef JSON_HPP
#define JSON_HPP
#include <charconv>
#include <cstdint>
#include <limits>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/** A JSON value. Reading what is not there, or another kind, throws std::runtime_error. */
class Json {
public:
  enum class Kind { null, boolean, number, text, list, object };

  static Json parse(std::string_view source) {
    Parser parser{source, 0};
    Json value = parser.value();
    parser.skip();
    if (parser.at != source.size()) throw std::runtime_error("JSON: something follows");
    return value;
  }

  Kind kind() const { return kind_; }
  bool has(std::string_view key) const { return find(key) != nullptr; }
  const Json &operator[](std::string_view key) const {
    if (const Json *found = find(key)) return *found;
    throw std::runtime_error("JSON: no member " + std::string(key));
  }
  const std::vector<Json> &items() const { return need(Kind::list), items_; }
  const std::vector<std::string> &keys() const { return keys_; }
  const std::string &text() const { return need(Kind::text), text_; }
  bool boolean() const { return need(Kind::boolean), number_ != 0; }
  /** null is NaN, as the cases have it. */
  double number() const {
    if (kind_ == Kind::null) return std::numeric_limits<double>::quiet_NaN();
    return need(Kind::number), number_;
  }
  template <class Integer> Integer integer() const {
    const auto value = static_cast<Integer>(number());
    if (static_cast<double>(value) != number()) throw std::runtime_error("JSON: not such an integer");
    return value;
  }

private:
  struct Parser {
    std::string_view source;
    std::size_t at;

    void skip() {
      while (at < source.size() && std::string_view(" \t\r\n").find(source[at]) != std::string_view::npos) at++;
    }
    char peek() {
      skip();
      if (at == source.size()) throw std::runtime_error("JSON: ends too early");
      return source[at];
    }
    bool takes(char wanted) { return peek() == wanted && ++at; }
    void expect(char wanted) {
      if (!takes(wanted)) throw std::runtime_error("JSON: another character");
    }
    Json word(std::string_view spelled, Kind kind, double number) {
      if (source.substr(at, spelled.size()) != spelled) throw std::runtime_error("JSON: another word");
      at += spelled.size();
      Json value(kind);
      value.number_ = number;
      return value;
    }
    Json value() {
      switch (peek()) {
      case '{': return object();
      case '[': return list();
      case '"': {
        Json made(Kind::text);
        made.text_ = string();
        return made;
      }
      case 't': return word("true", Kind::boolean, 1);
      case 'f': return word("false", Kind::boolean, 0);
      case 'n': return word("null", Kind::null, 0);
      default: return number();
      }
    }
    Json number() {
      Json made(Kind::number);
      const auto end = std::from_chars(source.data() + at, source.data() + source.size(), made.number_);
      if (end.ec != std::errc()) throw std::runtime_error("JSON: no number");
      at = static_cast<std::size_t>(end.ptr - source.data());
      return made;
    }
    Json list() {
      Json made(Kind::list);
      expect('[');
      if (takes(']')) return made;
      do made.items_.push_back(value());
      while (takes(','));
      expect(']');
      return made;
    }
    Json object() {
      Json made(Kind::object);
      expect('{');
      if (takes('}')) return made;
      do {
        peek();
        made.keys_.push_back(string());
        expect(':');
        made.items_.push_back(value());
      } while (takes(','));
      expect('}');
      return made;
    }
    std::uint32_t hexadecimal() {
      std::uint32_t code = 0;
      const auto end = std::from_chars(source.data() + at, source.data() + at + 4, code, 16);
      if (at + 4 > source.size() || end.ptr != source.data() + at + 4) throw std::runtime_error("JSON: bad \\u");
      at += 4;
      return code;
    }
    static void append(std::string &out, std::uint32_t code) {
      const auto byte = [&out](std::uint32_t value) { out += static_cast<char>(value); };
      if (code < 0x80) return byte(code);
      if (code < 0x800) byte(0xC0 | code >> 6);
      else if (code < 0x10000) byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 0x3F));
      else byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 0x3F)), byte(0x80 | (code >> 6 & 0x3F));
      byte(0x80 | (code & 0x3F));
    }
    std::string string() {
      std::string out;
      expect('"');
      while (at < source.size() && source[at] != '"') {
        if (source[at] != '\\') {
          out += source[at++];
          continue;
        }
        const char escape = source.at(at + 1);
        at += 2;
        const std::size_t known = std::string_view("bfnrt").find(escape);
        if (known != std::string_view::npos) {
          out += "\b\f\n\r\t"[known];
        } else if (escape == 'u') {
          std::uint32_t code = hexadecimal();
          if (code >= 0xD800 && code < 0xDC00 && source.substr(at, 2) == "\\u") {
            at += 2;
            code = 0x10000 + ((code - 0xD800) << 10) + (hexadecimal() - 0xDC00);
          }
          append(out, code);
        } else {
          out += escape;
        }
      }
      expect('"');
      return out;
    }
  };

  explicit Json(Kind kind) : kind_(kind), number_(0), text_(), keys_(), items_() {}
  void need(Kind kind) const {
    if (kind_ != kind) throw std::runtime_error("JSON: another kind of value");
  }
  const Json *find(std::string_view key) const {
    for (std::size_t index = 0; index < keys_.size(); index++)
      if (keys_[index] == key) return &items_[index];
    return nullptr;
  }

  Kind kind_;
  double number_;
  std::string text_;
  std::vector<std::string> keys_;
  std::vector<Json> items_;
};
#endif
