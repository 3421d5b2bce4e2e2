#include "frontend/policy_names.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace starling {
namespace {

/// What a limit that the request brought along is called: it has no rule.
constexpr std::string_view nameless = "request";

/// What bytes of a name need, as bits.
enum Need : std::uint8_t { nothing = 0, escape = 1, encoding = 2 };
constexpr std::array<std::uint8_t, 256> needs = [] {
  std::array<std::uint8_t, 256> table{};
  for (unsigned c = 0; c < table.size(); ++c) table[c] = c >= ' ' && c < 0x7f ? nothing : encoding;
  table['"'] = table['\\'] = escape;
  return table;
}();

unsigned need_of(std::string_view text) {
  unsigned need = nothing;
  for (const char c : text) need |= needs[static_cast<unsigned char>(c)];
  return need;
}

/// `need`: of the whole text.
void append_printable(std::string& out, std::string_view text, unsigned need) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  if (text.size() <= policy_name_bytes_max && (need & encoding) == 0) {
    out += text;  // as nearly all are
    return;
  }
  const auto is_printable = [](char c) { return (needs[static_cast<unsigned char>(c)] & encoding) == 0; };
  const std::size_t end = out.size() + policy_name_bytes_max;
  for (const char c : text) {
    const bool printable = is_printable(c);
    if (out.size() + (printable ? 1 : 3) > end) return;
    if (printable) {
      out += c;
      continue;
    }
    out += '%';
    out += hex[static_cast<unsigned char>(c) >> 4U];
    out += hex[static_cast<unsigned char>(c) & 0xFU];
  }
}

void append_number(std::string& out, std::uint64_t number) {
  const fmt::format_int digits(number);
  out.append(digits.data(), digits.size());
}

}  // namespace

void PolicyNames::assign(std::span<const LimitStatus> limits) {
  limits_ = limits.first(std::min(limits.size(), places_.size()));
  made_ = false;
}

void PolicyNames::make() const {
  made_ = true;
  bytes_.clear();
  for (std::size_t i = 0; i < limits_.size(); ++i) {
    const LimitStatus& limit = limits_[i];
    const std::size_t begin = bytes_.size();
    places_[i] = {begin, 0, true};
    if (limit.unlimited) continue;
    const std::string_view rule = limit.rule.empty() ? nameless : limit.rule;
    const unsigned need = need_of(rule);
    places_[i].quotable = (need & escape) == 0;
    const bool shared = std::any_of(limits_.begin(), limits_.end(), [&](const LimitStatus& other) {
      return &other != &limit && !other.unlimited && other.rule == limit.rule;
    });
    append_printable(bytes_, rule, need);
    if (shared) {
      bytes_ += '-';
      append_number(bytes_, limit.window_s);
      bytes_ += 's';
    }
    const std::size_t end = bytes_.size();
    places_[i].bytes = end - begin;
    for (std::uint64_t number = 2; is_taken(i); ++number) {
      bytes_.resize(end);
      bytes_ += '-';
      append_number(bytes_, number);
      places_[i].bytes = bytes_.size() - begin;
    }
  }
}

bool PolicyNames::is_taken(std::size_t i) const {
  for (std::size_t earlier = 0; earlier < i; ++earlier)
    if (at(earlier) == at(i)) return true;
  return false;
}

}  // namespace starling
