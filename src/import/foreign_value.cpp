#include "import/foreign_value.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <system_error>

namespace starling {
namespace {

void expected(const ForeignNode& node, std::string_view what, std::string_view wanted, ImportReport& report) {
  report.error(node.place, fmt::format("{}: expected {}, found {}", what, wanted, node.found()));
}

template <class Number>
std::optional<Number> parse(const ForeignNode& node) {
  Number number{};
  const std::string& text = node.text;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (!node.is_text() || code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::optional<bool> read_foreign_bool(const ForeignNode& node, std::string_view what, ImportReport& report) {
  std::string lower = node.text;
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  for (const std::string_view yes : {"true", "yes", "on"})
    if (node.is_text() && lower == yes) return true;
  for (const std::string_view no : {"false", "no", "off"})
    if (node.is_text() && lower == no) return false;
  expected(node, what, "true or false", report);
  return std::nullopt;
}

std::optional<Hits> read_foreign_number(const ForeignNode& node, std::string_view what, Hits max,
                                        ImportReport& report) {
  const auto number = parse<Hits>(node);
  if (number && *number <= max) return number;
  expected(node, what, fmt::format("a whole number from 0 to {}", max), report);
  return std::nullopt;
}

std::optional<Hits> read_foreign_number_up(const ForeignNode& node, std::string_view what, Hits max,
                                           ImportReport& report) {
  const auto number = parse<double>(node);
  if (number && std::isfinite(*number) && *number >= 0 && std::ceil(*number) <= static_cast<double>(max)) {
    const double whole = std::ceil(*number);
    if (whole != *number)
      report.remark(node.place,
                    fmt::format("{}: {} lets as many pass as {:.0f} would", what, node.text, whole));
    return static_cast<Hits>(whole);
  }
  expected(node, what, fmt::format("a number from 0 to {}", max), report);
  return std::nullopt;
}

}  // namespace starling
