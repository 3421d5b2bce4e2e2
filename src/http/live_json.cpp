#include "http/live_json.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/shown_text.hpp"
#include "counter/window.hpp"
#include "limiter/duration_text.hpp"

namespace starling::http {
namespace {

using Json = nlohmann::json;
using Kind = LiveOverride::Kind;

constexpr std::chrono::milliseconds expires_min{1000};
constexpr std::chrono::milliseconds expires_max{std::int64_t{window_s_max} * 1000};

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; });
}

std::string found(const Json& value) {
  if (value.is_string()) return starling::quoted(value.get_ref<const std::string&>());
  if (value.is_object()) return "an object";
  if (value.is_array()) return "an array";
  return shown(value.dump());
}

/// Values are written as in the rules file: `*` at the end stands for anything. Nothing: it is elsewhere.
std::optional<Matcher> matcher_of(const std::string& key, std::string text) {
  const std::size_t star = text.find('*');
  if (star == std::string::npos)
    return Matcher{.key = key, .kind = Matcher::Kind::equal, .text = std::move(text)};
  if (star + 1 != text.size()) return std::nullopt;
  text.pop_back();
  const auto kind = text.empty() ? Matcher::Kind::any : Matcher::Kind::prefix;
  return Matcher{.key = key, .kind = kind, .text = std::move(text)};
}

std::optional<std::uint32_t> window_s_of(std::string_view text) {
  const auto length = parse_duration(text);
  if (!length || length->count() % 1000 != 0) return std::nullopt;
  const auto seconds = length->count() / 1000;
  if (seconds < window_s_min || seconds > window_s_max) return std::nullopt;
  return static_cast<std::uint32_t>(seconds);
}

/// The whole body as one object. Also refuses what the parser lets pass: a key that comes twice.
tl::expected<Json, std::string> parse_object(std::string_view body) {
  if (body.empty()) return tl::unexpected<std::string>("expected a JSON object as the body, found no body");
  std::vector<std::set<std::string>> open;  // the keys of the objects that have begun
  std::string duplicate;
  const auto on_event = [&](int, Json::parse_event_t event, const Json& parsed) {
    if (event == Json::parse_event_t::object_start) open.emplace_back();
    if (event == Json::parse_event_t::object_end) open.pop_back();
    if (event != Json::parse_event_t::key) return true;
    const auto& key = parsed.get_ref<const std::string&>();
    if (!open.back().insert(key).second && duplicate.empty()) duplicate = starling::quoted(key);
    return true;
  };
  Json document;
  try {
    document = Json::parse(body, on_event);
  } catch (const Json::exception& wrong) {
    const auto* where = dynamic_cast<const Json::parse_error*>(&wrong);
    return tl::unexpected(fmt::format("expected a JSON object as the body, found no JSON at byte {}",
                                      where != nullptr ? where->byte : 0));
  }
  if (!document.is_object())
    return tl::unexpected(fmt::format("expected a JSON object as the body, found {}", found(document)));
  if (!duplicate.empty())
    return tl::unexpected(fmt::format("duplicate key {}; remove one of the two", duplicate));
  return document;
}

/// Reads one document. The first error is kept; what comes after it is neither told nor used.
class Reader {
 public:
  tl::expected<LiveChange, std::string> read(const Json& document, bool with_value);

 private:
  void fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
  }
  void expected(std::string_view what, std::string_view wanted, const Json& value) {
    fail(fmt::format("{}: expected {}, found {}", what, wanted, found(value)));
  }

  void read_member(const std::string& key, const Json& value);
  void read_kind(const Json& value);
  std::string read_text(std::string_view what, const Json& value);
  bool read_flag(std::string_view what, const Json& value);
  void read_match(const Json& value);
  void read_limits(const Json& value);
  Limit read_limit(const Json& value);
  void read_expires(const Json& value);

  void check_subject();
  void check_value();
  /// A member that has no meaning with this kind.
  void refuse(bool given, std::string_view member);

  LiveChange change_;
  bool has_kind_ = false;
  bool has_learning_ = false;
  std::string error_;
};

tl::expected<LiveChange, std::string> Reader::read(const Json& document, bool with_value) {
  for (const auto& [key, value] : document.items()) read_member(key, value);
  if (!has_kind_)
    fail(fmt::format("kind: expected one of {}, found none", fmt::join(live_override_kind_names, ", ")));
  check_subject();
  if (with_value) check_value();
  if (!error_.empty()) return tl::unexpected(std::move(error_));
  return std::move(change_);
}

void Reader::read_member(const std::string& key, const Json& value) {
  LiveOverride& what = change_.what;
  if (key == "kind") {
    read_kind(value);
  } else if (key == "rule") {
    what.rule = read_text(key, value);
  } else if (key == "match") {
    read_match(value);
  } else if (key == "principal") {
    what.principal = read_text(key, value);
  } else if (key == "limits") {
    read_limits(value);
  } else if (key == "unlimited") {
    what.unlimited = read_flag(key, value);
  } else if (key == "learning") {
    has_learning_ = true;
    what.learning = read_flag(key, value);
  } else if (key == "expires") {
    read_expires(value);
  } else if (key == "set_by") {
    change_.set_by = read_text(key, value);
  } else {
    fail(fmt::format(
        "unknown key {}; expected one of: kind, rule, match, principal, limits, unlimited, learning, "
        "expires, set_by",
        starling::quoted(key)));
  }
}

void Reader::read_kind(const Json& value) {
  has_kind_ = true;
  const auto& names = live_override_kind_names;
  const auto name = std::find_if(names.begin(), names.end(),
                                 [&](std::string_view each) { return value == Json(std::string(each)); });
  if (name == names.end()) return expected("kind", fmt::format("one of {}", fmt::join(names, ", ")), value);
  change_.what.kind = static_cast<Kind>(name - names.begin());
}

std::string Reader::read_text(std::string_view what, const Json& value) {
  const std::string wanted = fmt::format("a text of at most {} bytes", live_text_bytes_max);
  if (!value.is_string()) {
    expected(what, wanted, value);
    return {};
  }
  const auto& text = value.get_ref<const std::string&>();
  if (text.size() > live_text_bytes_max)
    fail(fmt::format("{}: expected {}, found {} bytes", what, wanted, text.size()));
  else if (has_control(text))
    fail(fmt::format("{}: expected a text without control characters, found {}", what, found(value)));
  return text;
}

bool Reader::read_flag(std::string_view what, const Json& value) {
  if (!value.is_boolean()) expected(what, "true or false", value);
  return value == Json(true);
}

void Reader::read_match(const Json& value) {
  if (!value.is_object()) return expected("match", R"(an object such as {"principal":"alice"})", value);
  if (value.size() > match_keys_max)
    return fail(fmt::format("match: expected at most {} keys, found {}", match_keys_max, value.size()));
  std::vector<Matcher>& match = change_.what.match;
  for (const auto& [key, text] : value.items()) {
    if (key.empty() || key.size() > live_text_bytes_max || has_control(key))
      return fail(
          fmt::format("match: a key: expected a text of 1 to {} bytes without control characters, found {}",
                      live_text_bytes_max, starling::quoted(key)));
    const std::string what = fmt::format("match: {}", shown(key));
    auto matcher = matcher_of(key, read_text(what, text));
    if (!matcher) return expected(what, "a text with at most one `*`, at its end", text);
    match.push_back(std::move(*matcher));
  }
  std::sort(match.begin(), match.end(), [](const Matcher& a, const Matcher& b) { return a.key < b.key; });
}

void Reader::read_limits(const Json& value) {
  if (!value.is_array())
    return expected("limits", R"(an array such as [{"requests":100,"per":"10s"}])", value);
  if (value.size() > limits_per_rule_max)
    return fail(
        fmt::format("limits: expected at most {} limits, found {}", limits_per_rule_max, value.size()));
  std::vector<Limit>& limits = change_.what.limits;
  for (const Json& item : value) {
    const Limit limit = read_limit(item);
    if (std::any_of(limits.begin(), limits.end(),
                    [&](const Limit& other) { return other.window_s == limit.window_s; }))
      fail("limits: expected a different `per` in each, found two that are the same; keep the smaller limit");
    limits.push_back(limit);
  }
}

Limit Reader::read_limit(const Json& value) {
  Limit limit;
  bool has_requests = false;
  bool has_per = false;
  if (!value.is_object()) {
    expected("limits: a limit", R"(an object such as {"requests":100,"per":"10s"})", value);
    return limit;
  }
  for (const auto& [key, member] : value.items()) {
    if (key == "requests") {
      has_requests = true;
      if (!member.is_number_unsigned() || member.get<Hits>() > limit_requests_max)
        expected("limits: requests", fmt::format("a whole number from 0 to {}", limit_requests_max), member);
      else
        limit.requests = member.get<Hits>();
    } else if (key == "per") {
      has_per = true;
      const auto window_s =
          member.is_string() ? window_s_of(member.get_ref<const std::string&>()) : std::nullopt;
      if (!window_s)
        expected("limits: per", "whole seconds from 1s to 366d, such as 1s, 10s, 1m, 1h, 1d", member);
      limit.window_s = window_s.value_or(window_s_min);
    } else {
      fail(fmt::format("limits: unknown key {}; expected requests and per", starling::quoted(key)));
    }
  }
  if (!has_requests) fail("limits: a limit: expected `requests`, found none");
  if (!has_per) fail(R"(limits: a limit: expected `per`, found none; for example "per":"10s")");
  return limit;
}

void Reader::read_expires(const Json& value) {
  const auto duration =
      value.is_string() ? parse_duration(value.get_ref<const std::string&>()) : std::nullopt;
  if (!duration || *duration < expires_min || *duration > expires_max)
    return expected("expires", "a duration from 1s to 366d, such as 30m, 1h or 7d", value);
  change_.expires_in = *duration;
}

void Reader::refuse(bool given, std::string_view member) {
  if (given)
    fail(fmt::format("{}: expected none with kind {}; leave it out", member, name(change_.what.kind)));
}

void Reader::check_subject() {
  const LiveOverride& what = change_.what;
  switch (what.kind) {
    case Kind::limits:
      if (what.rule.empty()) fail("rule: expected the name of a rule, found none; limits belong to a rule");
      refuse(!what.principal.empty(), "principal");
      break;
    case Kind::learning:
      refuse(!what.principal.empty(), "principal");
      refuse(!what.match.empty(), "match");
      break;
    case Kind::enforcing:
    case Kind::ignoring:
      if (what.principal.empty() == what.match.empty())
        fail(fmt::format("expected either principal or match to say who is meant, found {}",
                         what.match.empty() ? "neither" : "both"));
      break;
  }
}

void Reader::check_value() {
  const LiveOverride& what = change_.what;
  if (what.kind == Kind::limits) {
    if (what.unlimited != what.limits.empty())
      fail(fmt::format("expected either limits or \"unlimited\":true, found {}",
                       what.unlimited ? "both" : "neither"));
    refuse(has_learning_ && what.learning, "learning");
    return;
  }
  refuse(!what.limits.empty(), "limits");
  refuse(what.unlimited, "unlimited");
  if (what.kind != Kind::learning) return refuse(has_learning_ && what.learning, "learning");
  if (!has_learning_) fail("learning: expected true or false, found none");
}

tl::expected<LiveChange, std::string> parse(std::string_view body, bool with_value) {
  const auto document = parse_object(body);
  if (!document) return tl::unexpected(document.error());
  return Reader().read(*document, with_value);
}

}  // namespace

tl::expected<LiveChange, std::string> parse_live_change(std::string_view body) {
  return parse(body, true);
}

tl::expected<LiveChange, std::string> parse_live_subject(std::string_view body) {
  return parse(body, false);
}

}  // namespace starling::http
