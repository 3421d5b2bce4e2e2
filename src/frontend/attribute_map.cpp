#include "frontend/attribute_map.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/shown_text.hpp"

namespace starling {
namespace {

constexpr std::string_view fact_words = "client_ip, method, host, path or scheme";

/// Words of a check's query that are no attributes.
constexpr std::array<std::string_view, 4> reserved_keys{"domain", "hits", "deny_status", "explain"};

/// Lists that every proxy on the way adds to, the client being the first.
constexpr std::array<std::string_view, 2> forgeable_lists{"x-forwarded-for", "forwarded"};

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

/// Cuts the part up to the next `separator` off `rest`; `rest` is nothing when that was the last.
std::string_view next_part(std::optional<std::string_view>& rest, char separator) {
  const std::size_t end = rest->find(separator);
  const std::string_view part = trimmed(rest->substr(0, end));
  rest = end == std::string_view::npos ? std::nullopt : std::optional(rest->substr(end + 1));
  return part;
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

/// The characters of header names (RFC 9110, section 5.6.2) without '|', which separates sources here.
bool is_header_name(std::string_view text) {
  constexpr std::string_view others = "!#$%&'*+-.^_`~";
  const auto is_name_character = [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           others.find(c) != std::string_view::npos;
  };
  return !text.empty() && text.size() <= attribute_name_bytes_max &&
         std::all_of(text.begin(), text.end(), is_name_character);
}

bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= attribute_name_bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~' && c != '|'; });
}

std::optional<RequestFact> fact_of(std::string_view word) {
  const auto found = std::find_if(request_facts.begin(), request_facts.end(),
                                  [&](RequestFact fact) { return name(fact) == word; });
  return found == request_facts.end() ? std::nullopt : std::optional(*found);
}

tl::expected<AttributeSource, std::string> parse_source(std::string_view key, std::string_view word) {
  if (word.starts_with('@')) {
    if (const auto fact = fact_of(word.substr(1))) return AttributeSource{.fact = fact, .header = {}};
    return tl::unexpected(
        fmt::format("expected @ and {} as a source of {}, found {}", fact_words, shown(key), quoted(word)));
  }
  if (!is_header_name(word))
    return tl::unexpected(
        fmt::format("expected a header's name of at most {} bytes, or @ and {}, as a source of {}, found {}",
                    attribute_name_bytes_max, fact_words, shown(key), quoted(word)));
  const auto list = std::find(forgeable_lists.begin(), forgeable_lists.end(), lowered(word));
  if (list != forgeable_lists.end())
    return tl::unexpected(
        fmt::format("expected another source of {} than {}, which begins with whatever the client sent; "
                    "use @client_ip, and say by --trusted-hops which value of X-Forwarded-For is meant",
                    shown(key), shown(word)));
  return AttributeSource{.fact = std::nullopt, .header = std::string(word)};
}

tl::expected<Attribute, std::string> parse_attribute(std::string_view text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    const std::string_view word = text.starts_with('@') ? text.substr(1) : text;
    if (const auto fact = fact_of(word))
      return Attribute{.key = std::string(word), .sources = {{.fact = fact, .header = {}}}};
    return tl::unexpected(
        fmt::format("expected none, or a list of KEY=SOURCE (such as principal=X-Api-Key) "
                    "and the words {}, found {}",
                    fact_words, quoted(text)));
  }
  const std::string_view key = trimmed(text.substr(0, equals));
  if (!is_key(key))
    return tl::unexpected(
        fmt::format("expected a key of 1 to {} printable ASCII characters before '=', found {}",
                    attribute_name_bytes_max, quoted(key)));
  if (std::find(reserved_keys.begin(), reserved_keys.end(), key) != reserved_keys.end())
    return tl::unexpected(
        fmt::format("expected the key of an attribute, found {}, which is a word of the query with a meaning "
                    "of its own",
                    key));
  Attribute attribute{.key = std::string(key), .sources = {}};
  for (std::optional rest(text.substr(equals + 1)); rest;) {
    if (attribute.sources.size() == attribute_sources_max)
      return tl::unexpected(
          fmt::format("expected at most {} sources of {}, found more", attribute_sources_max, shown(key)));
    auto source = parse_source(key, next_part(rest, '|'));
    if (!source) return tl::unexpected(std::move(source.error()));
    attribute.sources.push_back(std::move(*source));
  }
  return attribute;
}

}  // namespace

std::string_view name(RequestFact fact) {
  switch (fact) {
    case RequestFact::client_ip:
      return "client_ip";
    case RequestFact::method:
      return "method";
    case RequestFact::host:
      return "host";
    case RequestFact::path:
      return "path";
    case RequestFact::scheme:
      return "scheme";
  }
  return "unknown";
}

tl::expected<AttributeMap, std::string> AttributeMap::parse(std::string_view text) {
  AttributeMap map;
  if (trimmed(text) == "none") return map;
  for (std::optional rest(text); rest;) {
    auto attribute = parse_attribute(next_part(rest, ','));
    if (!attribute) return tl::unexpected(std::move(attribute.error()));
    const auto& known = map.attributes_;
    if (std::any_of(known.begin(), known.end(), [&](const Attribute& a) { return a.key == attribute->key; }))
      return tl::unexpected(fmt::format(
          "expected every key once, found {} twice; several sources of one key go into one KEY=SOURCE|SOURCE",
          shown(attribute->key)));
    if (known.size() == attributes_max)
      return tl::unexpected(fmt::format("expected at most {} attributes, found more", attributes_max));
    map.attributes_.push_back(std::move(*attribute));
  }
  return map;
}

bool AttributeMap::asks(RequestFact fact) const {
  return std::any_of(attributes_.begin(), attributes_.end(), [&](const Attribute& attribute) {
    return std::any_of(attribute.sources.begin(), attribute.sources.end(),
                       [&](const AttributeSource& source) { return source.fact == fact; });
  });
}

}  // namespace starling
