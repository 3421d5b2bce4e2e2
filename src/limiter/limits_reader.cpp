#include "limiter/limits_reader.hpp"

#include <charconv>

#include "counter/window.hpp"
#include "limiter/duration_text.hpp"

namespace starling {
namespace {

std::optional<Hits> read_requests(const YAML::Node& node) {
  if (!node.IsScalar() || node.Scalar().empty()) return std::nullopt;
  const std::string& text = node.Scalar();
  Hits number = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (code != std::errc{} || end != text.data() + text.size() || number > limit_requests_max)
    return std::nullopt;
  return number;
}

std::optional<std::uint32_t> read_window_s(const YAML::Node& node) {
  const auto length = node.IsScalar() ? parse_duration(node.Scalar()) : std::nullopt;
  if (!length || length->count() % 1000 != 0) return std::nullopt;
  const auto seconds = length->count() / 1000;
  if (seconds < window_s_min || seconds > window_s_max) return std::nullopt;
  return static_cast<std::uint32_t>(seconds);
}

std::optional<Limit> read_limit(YamlReader& reader, const YAML::Node& node) {
  std::optional<Hits> requests;
  std::optional<std::uint32_t> window_s;
  const std::size_t errors_before = reader.errors_count();
  reader.read_map(node, "limit",
                  {{"requests",
                    [&](const YAML::Node& value) {
                      requests = read_requests(value);
                      if (!requests)
                        reader.expected(value, "limit: requests",
                                        fmt::format("a whole number from 0 to {}", limit_requests_max));
                    }},
                   {"per", [&](const YAML::Node& value) {
                      window_s = read_window_s(value);
                      if (!window_s)
                        reader.expected(value, "limit: per",
                                        "whole seconds from 1s to 366d, such as 1s, 10s, 1m, 1h, 1d, 1month");
                    }}});
  if (reader.errors_count() != errors_before) return std::nullopt;
  if (!requests) reader.error(node.Mark(), "limit: expected `requests`, found none");
  if (!window_s) reader.error(node.Mark(), "limit: expected `per`, found none; for example `per: 10s`");
  if (reader.errors_count() != errors_before) return std::nullopt;
  return Limit{.requests = *requests, .window_s = *window_s};
}

}  // namespace

std::vector<Limit> read_limits(YamlReader& reader, const YAML::Node& node) {
  std::vector<Limit> limits;
  if (!node.IsSequence()) {
    reader.expected(
        node, "limits",
        fmt::format("a list of 1 to {} limits, such as [{{requests: 100, per: 10s}}]", limits_per_rule_max));
    return limits;
  }
  if (node.size() == 0 || node.size() > limits_per_rule_max) {
    reader.error(node.Mark(),
                 fmt::format("limits: expected 1 to {} limits, found {}", limits_per_rule_max, node.size()));
    return limits;
  }
  for (const YAML::Node& item : node) {
    const auto limit = read_limit(reader, item);
    if (!limit || !reader.spend(item, sizeof(Limit))) continue;
    const bool taken = std::any_of(limits.begin(), limits.end(),
                                   [&](const Limit& other) { return other.window_s == limit->window_s; });
    if (taken) reader.error(item.Mark(), "limits: two limits with the same `per`; keep the smaller one");
    limits.push_back(*limit);
  }
  return limits;
}

}  // namespace starling
