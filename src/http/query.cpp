#include "http/query.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "http/hex_digit.hpp"

namespace starling::http {
namespace {

/// How much of a client's text an error message repeats.
constexpr std::size_t shown_bytes_max = 64;

std::string_view shown(std::string_view text) {
  return text.substr(0, shown_bytes_max);
}

tl::unexpected<std::string> fail(std::string message) {
  return tl::unexpected<std::string>(std::move(message));
}

/// Appends the decoded `text` to `arena`, which has room for the whole query and so never moves.
tl::expected<std::string_view, std::string> decode(std::string_view text, std::string& arena) {
  const std::size_t start = arena.size();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      arena += text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const int high = i + 1 < text.size() ? hex_value(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      return fail(fmt::format("query: expected '%' and two hex digits, found '{}'", text.substr(i, 3)));
    arena += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return std::string_view(arena).substr(start);
}

/// The parameters that are not entries.
enum Reserved : unsigned { domain = 1, hits = 2, deny_status = 4, explain = 8 };

unsigned reserved(std::string_view key) {
  if (key == "domain") return domain;
  if (key == "hits") return hits;
  if (key == "deny_status") return deny_status;
  if (key == "explain") return explain;
  return 0;
}

tl::expected<void, std::string> set_reserved(CheckQuery& query, unsigned which, std::string_view value) {
  if (which == domain) query.domain = value;
  if (which == hits) {
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), query.hits);
    if (error != std::errc{} || end != value.data() + value.size() || query.hits > query_hits_max)
      return fail(
          fmt::format("hits: expected a number from 0 to {}, found '{}'", query_hits_max, shown(value)));
  }
  if (which == deny_status) {
    if (value != "403" && value != "429")
      return fail(fmt::format("deny_status: expected 403 or 429, found '{}'", shown(value)));
    query.deny_status = value == "403" ? 403 : 429;
  }
  if (which == explain) {
    if (value != "0" && value != "1")
      return fail(fmt::format("explain: expected 0 or 1, found '{}'", shown(value)));
    query.explain = value == "1";
  }
  return {};
}

/// What characters mean in a query, as bits.
enum Meaning : std::uint8_t { none = 0, separator = 1, equals = 2, coded = 4 };
constexpr std::array<std::uint8_t, 256> meanings = [] {
  std::array<std::uint8_t, 256> table{};
  table['&'] = separator;
  table['='] = equals;
  table['%'] = table['+'] = coded;
  return table;
}();

/// One parameter, as it came.
struct Parameter {
  std::string_view text;
  std::string_view key;
  std::string_view value;
  bool key_coded = false;
  bool value_coded = false;
};

/// Cuts the first parameter off `rest`, which is not empty. One look at each character.
Parameter next_parameter(std::string_view& rest) {
  const std::size_t none_yet = rest.size();
  std::size_t at = 0;
  std::size_t key_end = none_yet;
  unsigned seen = none;
  unsigned seen_in_key = none;
  for (; at < rest.size(); ++at) {
    const unsigned meaning = meanings[static_cast<unsigned char>(rest[at])];
    if (meaning == none) continue;
    if (meaning == separator) break;
    if (meaning == equals && key_end == none_yet) {
      key_end = at;
      seen_in_key = std::exchange(seen, none);
      continue;
    }
    seen |= meaning;
  }
  Parameter found{.text = rest.substr(0, at), .key = {}, .value = {}};
  if (key_end == none_yet) {
    found.key = found.text;
    found.key_coded = (seen & coded) != 0;
  } else {
    found.key = found.text.substr(0, key_end);
    found.value = found.text.substr(key_end + 1);
    found.key_coded = (seen_in_key & coded) != 0;
    found.value_coded = (seen & coded) != 0;
  }
  rest.remove_prefix(std::min(at + 1, rest.size()));
  return found;
}

constexpr bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

void append_encoded(std::string& out, std::string_view text) {
  constexpr std::string_view hex = "0123456789ABCDEF";
  for (const char c : text) {
    if (is_unreserved(c)) {
      out += c;
      continue;
    }
    const auto value = static_cast<unsigned char>(c);
    out += '%';
    out += hex[value >> 4U];
    out += hex[value & 0xFU];
  }
}

}  // namespace

tl::expected<std::span<Entry>, std::string> parse_query(std::string_view raw, QueryScratch& scratch) {
  scratch.bytes.clear();
  scratch.bytes.reserve(raw.size());  // decoding never makes text longer
  std::size_t count = 0;
  for (std::string_view rest = raw; !rest.empty();) {
    Parameter parameter = next_parameter(rest);
    if (parameter.text.empty()) continue;  // "a=1&&b=2" leaves no doubt
    for (const bool of_key : {true, false}) {
      if (!(of_key ? parameter.key_coded : parameter.value_coded)) continue;
      std::string_view& part = of_key ? parameter.key : parameter.value;
      const auto decoded = decode(part, scratch.bytes);
      if (!decoded) return tl::unexpected<std::string>(decoded.error());
      part = *decoded;
    }
    if (parameter.key.empty())
      return fail(fmt::format("query: expected key=value, found '{}'", shown(parameter.text)));

    const auto known = std::span(scratch.entries).first(count);
    if (std::any_of(known.begin(), known.end(), [&](const Entry& e) { return e.key == parameter.key; }))
      return fail(fmt::format("query: expected every key once, found '{}' twice", shown(parameter.key)));
    if (count == query_parameters_max)
      return fail(fmt::format("query: expected at most {} entries, found more", query_entries_max));
    scratch.entries[count++] = Entry{.key = parameter.key, .value = parameter.value};
  }
  return std::span(scratch.entries).first(count);
}

tl::expected<CheckQuery, std::string> parse_check_query(std::string_view raw, QueryScratch& scratch) {
  const auto parameters = parse_query(raw, scratch);
  if (!parameters) return tl::unexpected<std::string>(parameters.error());
  CheckQuery query;
  std::size_t entries_count = 0;
  for (const Entry& parameter : *parameters) {
    if (const unsigned which = reserved(parameter.key); which != 0) {
      if (const auto set = set_reserved(query, which, parameter.value); !set) return fail(set.error());
      continue;
    }
    if (entries_count == query_entries_max)
      return fail(fmt::format("query: expected at most {} entries, found more", query_entries_max));
    scratch.entries[entries_count++] = parameter;  // never behind where we read
  }
  query.entries = std::span<const Entry>(scratch.entries).first(entries_count);
  return query;
}

void append_query_parameter(std::string& target, std::string_view key, std::string_view value) {
  target += target.find('?') == std::string::npos ? '?' : '&';
  append_encoded(target, key);
  target += '=';
  append_encoded(target, value);
}

}  // namespace starling::http
