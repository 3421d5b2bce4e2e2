#include "import/rule_names.hpp"

#include <fmt/format.h>

#include <cstddef>

namespace starling {
namespace {

constexpr std::size_t name_bytes_max = 240;  // of the 256 that the rules file takes: room for a number

/// Not within a character of UTF-8.
std::string cut(const std::string& text) {
  if (text.size() <= name_bytes_max) return text;
  std::size_t end = name_bytes_max;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return text.substr(0, end);
}

}  // namespace

std::string RuleNames::take(const std::string& wanted) {
  const std::string base = wanted.empty() ? "rule" : cut(wanted);
  std::string name = base;
  for (std::size_t number = 2; !taken_.insert(name).second; ++number)
    name = fmt::format("{}-{}", base, number);
  return name;
}

}  // namespace starling
