#include "limiter/config_file.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <charconv>
#include <functional>
#include <optional>
#include <set>
#include <sstream>

#include "base/shown_text.hpp"
#include "counter/window.hpp"
#include "limiter/duration_text.hpp"

namespace starling {
namespace {

constexpr std::size_t errors_max = 100;
constexpr std::size_t name_bytes_max = 256;

std::string_view kind_of(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Map:
      return "a map";
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Null:
      return "nothing";
    default:
      return "a value";
  }
}

std::string found(const YAML::Node& node) {
  return node.IsScalar() ? quoted(node.Scalar()) : std::string(kind_of(node));
}

class Reader {
 public:
  explicit Reader(std::string file) : file_(std::move(file)) {}

  ConfigFile read(const YAML::Node& root);
  std::vector<ConfigError> take_errors() { return std::move(errors_); }

 private:
  using Field = std::pair<std::string_view, std::function<void(const YAML::Node&)>>;

  void error(const YAML::Mark& mark, std::string message) {
    ++errors_count_;
    if (!gives_up())
      errors_.push_back(ConfigError{file_, mark.line + 1, mark.column + 1, std::move(message)});
  }
  /// Enough has been said. What is still read then is neither told nor used.
  bool gives_up() const { return errors_.size() == errors_max; }
  void expected(const YAML::Node& node, std::string_view what, std::string_view wanted) {
    error(node.Mark(), fmt::format("{}: expected {}, found {}", what, wanted, found(node)));
  }

  /// Walks a map: each key must be one of `fields` (or, if given, go to `other`), and come once.
  void read_map(const YAML::Node& node, std::string_view what, const std::vector<Field>& fields,
                const std::function<void(const YAML::Node&, const YAML::Node&)>& other = nullptr);
  /// The names stand in the order of the enumerators.
  template <class Enum, std::size_t count>
  void read_choice(const YAML::Node& node, std::string_view what,
                   const std::array<std::string_view, count>& names, Enum& out) {
    const auto name = node.IsScalar() ? std::find(names.begin(), names.end(), node.Scalar()) : names.end();
    if (name == names.end()) return expected(node, what, fmt::format("{}", fmt::join(names, ", ")));
    out = static_cast<Enum>(name - names.begin());
  }
  std::optional<std::string> read_name(const YAML::Node& node, std::string_view what);
  void read_settings(const YAML::Node& node, ConfigFile& config);
  void read_rules(const YAML::Node& node, RuleSet& set);
  std::optional<Rule> read_rule(const YAML::Node& node);
  std::vector<Matcher> read_match(const YAML::Node& node);
  std::vector<Limit> read_limits(const YAML::Node& node);
  std::optional<Limit> read_limit(const YAML::Node& node);

  std::string file_;
  std::vector<ConfigError> errors_;
  std::size_t errors_count_ = 0;  // those not told included
};

void Reader::read_map(const YAML::Node& node, std::string_view what, const std::vector<Field>& fields,
                      const std::function<void(const YAML::Node&, const YAML::Node&)>& other) {
  if (!node.IsMap()) return expected(node, what, "a map");
  std::set<std::string> seen;
  for (const auto& item : node) {
    if (!item.first.IsScalar()) {
      expected(item.first, what, "a name as key");
      continue;
    }
    const std::string& key = item.first.Scalar();
    if (!seen.insert(key).second) {
      error(item.first.Mark(), fmt::format("{}: duplicate key {}; remove one of the two", what, quoted(key)));
      continue;
    }
    const auto field =
        std::find_if(fields.begin(), fields.end(), [&](const Field& f) { return f.first == key; });
    if (item.second.IsNull() && (field != fields.end() || other)) {
      error(item.first.Mark(), fmt::format("{}: {}: expected a value, found nothing", what, shown(key)));
    } else if (field != fields.end()) {
      field->second(item.second);
    } else if (other) {
      other(item.first, item.second);
    } else {
      std::string known;
      for (const Field& f : fields) known += fmt::format("{}{}", known.empty() ? "" : ", ", f.first);
      error(item.first.Mark(),
            fmt::format("{}: unknown key {}; expected one of: {}", what, quoted(key), known));
    }
  }
}

std::optional<std::string> Reader::read_name(const YAML::Node& node, std::string_view what) {
  if (!node.IsScalar() || node.Scalar().empty() || node.Scalar().size() > name_bytes_max) {
    expected(node, what, fmt::format("a text of 1 to {} bytes", name_bytes_max));
    return std::nullopt;
  }
  return node.Scalar();
}

ConfigFile Reader::read(const YAML::Node& root) {
  ConfigFile config;
  config.rules = RuleSet::built_in();
  std::string domain = config.rules.domain;
  read_map(root, "the file",
           {{"domain",
             [&](const YAML::Node& node) {
               if (auto name = read_name(node, "domain")) domain = std::move(*name);
             }},
            {"rules",
             [&](const YAML::Node& node) {
               config.has_rules = true;
               config.rules.rules.clear();
               read_rules(node, config.rules);
             }},
            {"settings", [&](const YAML::Node& node) { read_settings(node, config); }}});
  config.rules.domain = std::move(domain);
  return config;
}

void Reader::read_settings(const YAML::Node& node, ConfigFile& config) {
  read_map(node, "settings", {}, [&](const YAML::Node& key, const YAML::Node& value) {
    if (!value.IsScalar())
      return expected(value, fmt::format("settings: {}", shown(key.Scalar())), "a single value");
    config.settings.push_back(
        ConfigSetting{key.Scalar(), value.Scalar(), key.Mark().line + 1, key.Mark().column + 1});
  });
}

void Reader::read_rules(const YAML::Node& node, RuleSet& set) {
  if (!node.IsSequence()) return expected(node, "rules", "a list of rules");
  if (node.size() > rules_max)
    return error(node.Mark(),
                 fmt::format("rules: expected at most {} rules, found {}", rules_max, node.size()));
  std::set<std::string> names;
  for (const YAML::Node& item : node) {
    if (gives_up()) return;  // aliases can make a small file say a great deal
    auto rule = read_rule(item);
    if (!rule) continue;
    if (!names.insert(rule->name).second)
      error(item.Mark(),
            fmt::format(
                "rule: the name {} is taken by an earlier rule; counters are kept by name, so each rule "
                "needs its own",
                quoted(rule->name)));
    set.rules.push_back(std::move(*rule));
  }
}

std::optional<Rule> Reader::read_rule(const YAML::Node& node) {
  const std::size_t errors_before = errors_count_;
  Rule rule;
  bool has_match = false;
  bool has_limits = false;
  read_map(node, "rule",
           {{"name",
             [&](const YAML::Node& value) {
               if (auto name = read_name(value, "rule: name")) rule.name = std::move(*name);
             }},
            {"match",
             [&](const YAML::Node& value) {
               has_match = true;
               rule.match = read_match(value);
             }},
            {"limits",
             [&](const YAML::Node& value) {
               has_limits = true;
               rule.limits = read_limits(value);
             }},
            {"algorithm",
             [&](const YAML::Node& value) {
               read_choice(value, "rule: algorithm", algorithm_names, rule.algorithm);
             }},
            {"admission",
             [&](const YAML::Node& value) {
               read_choice(value, "rule: admission", admission_names, rule.admission);
             }},
            {"when_isolated",
             [&](const YAML::Node& value) {
               read_choice(value, "rule: when_isolated", when_isolated_names, rule.when_isolated);
             }},
            {"when_full", [&](const YAML::Node& value) {
               read_choice(value, "rule: when_full", when_full_names, rule.when_full);
             }}});
  if (errors_count_ != errors_before) return std::nullopt;
  if (rule.name.empty()) error(node.Mark(), "rule: expected a `name`, found none");
  if (!has_match)
    error(node.Mark(),
          "rule: expected a `match`, found none; `match: {principal: \"*\"}` holds each principal to its own "
          "limit");
  if (!has_limits)
    error(node.Mark(),
          "rule: expected `limits`, found none; for example `limits: [{requests: 100, per: 10s}]`");
  if (errors_count_ != errors_before) return std::nullopt;
  return rule;
}

std::vector<Matcher> Reader::read_match(const YAML::Node& node) {
  std::vector<Matcher> match;
  if (node.IsMap() && (node.size() == 0 || node.size() > match_keys_max)) {
    error(node.Mark(), fmt::format("match: expected 1 to {} keys, found {}", match_keys_max, node.size()));
    return match;
  }
  read_map(node, "match", {}, [&](const YAML::Node& key, const YAML::Node& value) {
    const auto name = read_name(key, "match: a key");
    if (!name) return;
    if (!value.IsScalar())
      return expected(value, fmt::format("match: {}", shown(*name)), "a text, `*` or `prefix*`");
    std::string text = value.Scalar();
    const std::size_t star = text.find('*');
    if (star != std::string::npos && star + 1 != text.size())
      return expected(value, fmt::format("match: {}", shown(*name)),
                      "a text with at most one `*`, at its end");
    Matcher matcher{.key = *name, .kind = Matcher::Kind::equal, .text = std::move(text)};
    if (star != std::string::npos) {
      matcher.text.pop_back();
      matcher.kind = matcher.text.empty() ? Matcher::Kind::any : Matcher::Kind::prefix;
    }
    match.push_back(std::move(matcher));
  });
  std::sort(match.begin(), match.end(), [](const Matcher& a, const Matcher& b) { return a.key < b.key; });
  return match;
}

std::vector<Limit> Reader::read_limits(const YAML::Node& node) {
  std::vector<Limit> limits;
  if (node.IsSequence() && (node.size() == 0 || node.size() > limits_per_rule_max)) {
    error(node.Mark(),
          fmt::format("limits: expected 1 to {} limits, found {}", limits_per_rule_max, node.size()));
    return limits;
  }
  if (!node.IsSequence()) {
    expected(
        node, "limits",
        fmt::format("a list of 1 to {} limits, such as [{{requests: 100, per: 10s}}]", limits_per_rule_max));
    return limits;
  }
  for (const YAML::Node& item : node) {
    const auto limit = read_limit(item);
    if (!limit) continue;
    const bool taken = std::any_of(limits.begin(), limits.end(),
                                   [&](const Limit& other) { return other.window_s == limit->window_s; });
    if (taken) error(item.Mark(), "limits: two limits with the same `per`; keep the smaller one");
    limits.push_back(*limit);
  }
  return limits;
}

std::optional<Limit> Reader::read_limit(const YAML::Node& node) {
  std::optional<Hits> requests;
  std::optional<std::uint32_t> window_s;
  const std::size_t errors_before = errors_count_;
  read_map(node, "limit",
           {{"requests",
             [&](const YAML::Node& value) {
               const std::string text = value.IsScalar() ? value.Scalar() : "";
               Hits number = 0;
               const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
               if (text.empty() || code != std::errc{} || end != text.data() + text.size() ||
                   number > limit_requests_max)
                 return expected(value, "limit: requests",
                                 fmt::format("a whole number from 0 to {}", limit_requests_max));
               requests = number;
             }},
            {"per", [&](const YAML::Node& value) {
               const auto length = value.IsScalar() ? parse_duration(value.Scalar()) : std::nullopt;
               const bool whole = length && length->count() % 1000 == 0;
               const auto seconds = whole ? length->count() / 1000 : 0;
               if (seconds < window_s_min || seconds > window_s_max)
                 return expected(value, "limit: per",
                                 "whole seconds from 1s to 366d, such as 1s, 10s, 1m, 1h, 1d");
               window_s = static_cast<std::uint32_t>(seconds);
             }}});
  if (errors_count_ != errors_before) return std::nullopt;
  if (!requests) error(node.Mark(), "limit: expected `requests`, found none");
  if (!window_s) error(node.Mark(), "limit: expected `per`, found none; for example `per: 10s`");
  if (errors_count_ != errors_before) return std::nullopt;
  return Limit{.requests = *requests, .window_s = *window_s};
}

/// Notes whether a document says anything, and where.
class Content final : public YAML::EventHandler {
 public:
  const std::optional<YAML::Mark>& start() const { return start_; }
  const std::optional<YAML::Mark>& text() const { return text_; }

  void OnDocumentStart(const YAML::Mark& mark) override { start_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { note(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t, const std::string&) override {
    note(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    note(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    note(mark);
  }
  void OnMapEnd() override {}

 private:
  void note(const YAML::Mark& mark) {
    if (!text_) text_ = mark;
  }
  std::optional<YAML::Mark> start_;
  std::optional<YAML::Mark> text_;
};

/// Where a file goes on after its first document, which is all that YAML::Load looks at: rules that stood
/// there would be missing in silence. One empty document may follow, as behind a closing `---`. Not
/// YAML::LoadAll: on a stray `,` it finds documents without end.
std::optional<YAML::Mark> rest_of_file(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Content first;
  Content second;
  Content third;
  parser.HandleNextDocument(first);
  if (!parser.HandleNextDocument(second) || second.text()) return second.text();
  parser.HandleNextDocument(third);
  return third.start();
}

}  // namespace

std::string ConfigError::to_string() const {
  if (line == 0) return fmt::format("{}: {}", file, message);
  return fmt::format("{}:{}:{}: {}", file, line, column, message);
}

tl::expected<ConfigFile, std::vector<ConfigError>> parse_config(std::string_view text,
                                                                const std::string& file) {
  const auto refuse = [&](const YAML::Mark& mark, std::string message) {
    return tl::unexpected(
        std::vector<ConfigError>{ConfigError{file, mark.line + 1, mark.column + 1, std::move(message)}});
  };
  if (text.size() > config_bytes_max)
    return refuse(YAML::Mark::null_mark(),
                  fmt::format("expected at most {} bytes, found {}", config_bytes_max, text.size()));
  try {
    const std::string copy(text);
    const YAML::Node root = YAML::Load(copy);  // the first document
    if (const auto rest = rest_of_file(copy))
      return refuse(*rest,
                    "expected the end of the file, found more after the first YAML document; put everything "
                    "into one map");
    // A file cut off at its start must not quietly turn the limits into the built-in one.
    if (root.IsNull())
      return refuse(
          YAML::Mark::null_mark(),
          "expected `rules`, `settings` or `domain`, found nothing; for the built-in rule name no file");
    Reader reader(file);
    ConfigFile config = reader.read(root);
    std::vector<ConfigError> errors = reader.take_errors();
    if (!errors.empty()) return tl::unexpected(std::move(errors));
    return config;
  } catch (const YAML::DeepRecursion& exception) {
    return refuse(exception.mark, "expected a map of rules, found one nested too deep to be that");
  } catch (const YAML::Exception& exception) {
    return refuse(exception.mark,
                  fmt::format("expected YAML, found an error in it: {}", shown(exception.msg)));
  }
}

}  // namespace starling
