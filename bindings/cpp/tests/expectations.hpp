// Owns: comparing what came with what a conformance case expects of it.
// Must not: do a case.
#ifndef VIAL_TESTS_EXPECTATIONS_HPP
#define VIAL_TESTS_EXPECTATIONS_HPP
#include "json.hpp"
#include "vial.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

/** What is not as the case says. */
struct Mismatch : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/** What a case expects that was looked at. */
inline std::set<std::string> checked;

inline std::string read(const std::string &path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream bytes;
  bytes << file.rdbuf();
  return bytes.str();
}

inline std::string bytes_of(std::string_view hexadecimal) {
  std::string bytes;
  for (std::size_t at = 0; at + 1 < hexadecimal.size(); at += 2)
    bytes += static_cast<char>(std::stoi(std::string(hexadecimal.substr(at, 2)), nullptr, 16));
  return bytes;
}

inline std::string hex_of(std::string_view bytes) {
  std::string text;
  for (const char byte : bytes) {
    text += "0123456789abcdef"[static_cast<unsigned char>(byte) >> 4];
    text += "0123456789abcdef"[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

inline std::vector<vial::Token> tokens_of(const Json &list) {
  std::vector<vial::Token> tokens;
  for (const Json &item : list.items()) tokens.push_back(item.integer<vial::Token>());
  return tokens;
}

inline std::vector<std::string_view> texts_of(const Json &list) {
  std::vector<std::string_view> texts;
  for (const Json &item : list.items()) texts.push_back(item.text());
  return texts;
}

// Comparing: whatever the case expects of `field` is what came, and is noted as looked at.

inline const Json *expected(const Json &expected_case, const std::string &field) {
  const std::string key = "expect_" + field;
  if (!expected_case.has(key)) return nullptr;
  checked.insert(key);
  return &expected_case[key];
}

inline void need(bool is_right, const std::string &field) {
  if (!is_right) throw Mismatch(field + " differs");
}

inline void compare(const Json &expected_case, const std::string &field, std::string_view came) {
  if (const Json *wanted = expected(expected_case, field)) need(wanted->text() == came, field);
}

inline void compare(const Json &expected_case, const std::string &field, std::uint64_t came) {
  if (const Json *wanted = expected(expected_case, field)) need(wanted->integer<std::uint64_t>() == came, field);
}

inline void compare(const Json &expected_case, const std::string &field, const std::vector<vial::Token> &came) {
  if (const Json *wanted = expected(expected_case, field)) need(tokens_of(*wanted) == came, field);
}

inline void compare(const Json &expected_case, const std::string &field, const std::vector<std::string> &came) {
  const Json *wanted = expected(expected_case, field);
  if (!wanted) return;
  const std::vector<std::string_view> texts = texts_of(*wanted);
  need(std::equal(texts.begin(), texts.end(), came.begin(), came.end()), field);
}

inline void compare(const Json &expected_case, const std::string &field, const std::vector<float> &came) {
  const Json *wanted = expected(expected_case, field);
  if (!wanted) return;
  need(wanted->items().size() == came.size(), field);
  for (std::size_t index = 0; index < came.size(); index++) {
    const auto number = static_cast<float>(wanted->items()[index].number());
    need(number == came[index] || (std::isnan(number) && std::isnan(came[index])), field);
  }
}

#endif
