#include "import/spinnaker.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "base/shown_text.hpp"
#include "counter/window.hpp"
#include "import/foreign_value.hpp"

namespace starling {
namespace {

constexpr Hits java_int_max = std::numeric_limits<std::int32_t>::max();
constexpr std::string_view app_prefix = "app:";
constexpr std::string_view deck = "deck";

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  return out;
}

/// How Spring compares names: without case, dashes and underscores.
std::string canonical(std::string_view name) {
  std::string out = lower(name);
  out.erase(std::remove_if(out.begin(), out.end(), [](char c) { return c == '-' || c == '_'; }), out.end());
  return out;
}

struct Named {
  std::string name;
  std::uint64_t value = 0;
  Place place;
};

struct Listed {
  std::string name;
  Place place;
};

/// The block with Gate's defaults.
struct Block {
  bool enabled = false;
  bool learning = true;
  std::uint64_t capacity = 60;
  std::uint64_t rate_seconds = 10;
  std::vector<Named> capacity_by_principal;
  std::vector<Named> rate_seconds_by_principal;
  std::vector<Named> capacity_by_app;
  std::vector<Listed> enforcing;
  std::vector<Listed> ignoring;
};

const Named* find(const std::vector<Named>& list, std::string_view name) {
  const auto found = std::find_if(list.begin(), list.end(), [&](const Named& n) { return n.name == name; });
  return found == list.end() ? nullptr : &*found;
}

class BlockReader {
 public:
  explicit BlockReader(ImportReport& report) : report_(report) {}

  Block read(const ForeignNode& node);
  void read_entry(const ForeignEntry& entry, std::string_view key, Block& block);

 private:
  std::vector<Named> read_named(const ForeignNode& node, std::string_view what, std::string_view name_key,
                                std::uint64_t max);
  std::vector<Listed> read_names(const ForeignNode& node, std::string_view what);
  std::uint64_t read_seconds(const ForeignNode& node, std::string_view what);
  void expected(const ForeignNode& node, std::string_view what, std::string_view wanted) {
    report_.error(node.place, fmt::format("{}: expected {}, found {}", what, wanted, node.found()));
  }

  ImportReport& report_;
};

Block BlockReader::read(const ForeignNode& node) {
  Block block;
  if (!node.is_map())
    expected(node, "rateLimit", "a map");
  else
    for (const ForeignEntry& entry : node.entries) read_entry(entry, entry.key, block);
  return block;
}

void BlockReader::read_entry(const ForeignEntry& entry, std::string_view key, Block& block) {
  const ForeignNode& value = entry.value;
  const std::string name = canonical(key);
  if (value.is_nothing()) return;  // Spring keeps the default
  if (name == "enabled") {
    block.enabled = read_foreign_bool(value, "enabled", report_).value_or(false);
  } else if (name == "learning") {
    block.learning = read_foreign_bool(value, "learning", report_).value_or(true);
  } else if (name == "capacity") {
    block.capacity = read_foreign_number(value, "capacity", java_int_max, report_).value_or(0);
  } else if (name == "rateseconds") {
    block.rate_seconds = read_seconds(value, "rateSeconds");
  } else if (name == "capacitybyprincipal") {
    block.capacity_by_principal = read_named(value, "capacityByPrincipal", "principal", java_int_max);
  } else if (name == "ratesecondsbyprincipal") {
    block.rate_seconds_by_principal = read_named(value, "rateSecondsByPrincipal", "principal", window_s_max);
  } else if (name == "capacitybysourceapp") {
    block.capacity_by_app = read_named(value, "capacityBySourceApp", "sourceapp", java_int_max);
  } else if (name == "enforcing") {
    block.enforcing = read_names(value, "enforcing");
  } else if (name == "ignoring") {
    block.ignoring = read_names(value, "ignoring");
  } else if (name == "redis" || name.starts_with("redis.")) {
    report_.remark(entry.place,
                   "redis: not needed, the nodes tell each other; limits and flags that live in Redis "
                   "are not in this file, so they are not carried over");
  } else if (name == "filterorder") {
    report_.remark(entry.place, "filterOrder: not needed, the gateway decides when it asks");
  } else {
    report_.not_carried(entry.place, fmt::format("rateLimit: unknown key {}", quoted(key)));
  }
}

std::uint64_t BlockReader::read_seconds(const ForeignNode& node, std::string_view what) {
  const auto seconds = read_foreign_number(node, what, window_s_max, report_);
  if (seconds && *seconds < window_s_min) expected(node, what, "at least 1 second");
  return std::max<std::uint64_t>(seconds.value_or(window_s_min), window_s_min);
}

std::vector<Named> BlockReader::read_named(const ForeignNode& node, std::string_view what,
                                           std::string_view name_key, std::uint64_t max) {
  std::vector<Named> list;
  if (!node.is_list()) {
    expected(node, what, "a list of maps");
    return list;
  }
  for (const ForeignNode& item : node.items) {
    Named named{.name = "", .place = item.place};
    bool has_value = false;
    for (const ForeignEntry& entry : item.entries) {
      if (canonical(entry.key) == name_key) {
        named.name = entry.value.text;
      } else if (canonical(entry.key) == "override") {
        has_value = true;
        named.value = max == window_s_max ? read_seconds(entry.value, what)
                                          : read_foreign_number(entry.value, what, max, report_).value_or(0);
      } else {
        report_.not_carried(entry.place, fmt::format("{}: unknown key {}", what, quoted(entry.key)));
      }
    }
    if (named.name.empty() || !has_value)
      expected(
          item, what,
          fmt::format("a map with `{}` and `override`", name_key == "principal" ? name_key : "sourceApp"));
    else if (find(list, named.name) != nullptr)
      report_.remark(item.place, fmt::format("{}: {} is there already, and the first one counts", what,
                                             quoted(named.name)));
    else
      list.push_back(std::move(named));
  }
  return list;
}

std::vector<Listed> BlockReader::read_names(const ForeignNode& node, std::string_view what) {
  std::vector<Listed> names;
  if (node.is_text()) {  // Spring takes "a, b" for a list
    std::string_view rest = node.text;
    while (!rest.empty()) {
      const std::size_t comma = std::min(rest.find(','), rest.size());
      std::string_view one = rest.substr(0, comma);
      while (one.starts_with(' ')) one.remove_prefix(1);
      while (one.ends_with(' ')) one.remove_suffix(1);
      if (!one.empty()) names.push_back(Listed{std::string(one), node.place});
      rest.remove_prefix(std::min(comma + 1, rest.size()));
    }
    return names;
  }
  if (!node.is_list()) expected(node, what, "a list of names");
  for (const ForeignNode& item : node.items) {
    if (!item.is_text() || item.text.empty())
      expected(item, what, "a name");
    else
      names.push_back(Listed{item.text, item.place});
  }
  return names;
}

/// Gate knows anonymous callers as `anonymous-<address>` and configures them all as `anonymous`.
Matcher principal_matcher(const std::string& name) {
  return Matcher{.key = "principal",
                 .kind = name == "anonymous" ? Matcher::Kind::prefix : Matcher::Kind::equal,
                 .text = name};
}

class RuleMaker {
 public:
  RuleMaker(const Block& block, ImportReport& report) : block_(block), report_(report) {}

  Rule make();

 private:
  bool enforces_app(std::string_view app) const;
  bool can_be_matched(std::string_view name, const Place& place, std::string_view what);
  void add_principals(Rule& rule);
  void add_apps(Rule& rule);
  void add_callers(Rule& rule);
  void add_override(Rule& rule, std::vector<Matcher> match, std::uint64_t capacity, std::uint64_t seconds);
  void exempt(Rule& rule, std::vector<Matcher> match);
  static Matcher app_matcher(std::string_view name) {
    return Matcher{.key = "source_app", .kind = Matcher::Kind::equal, .text = std::string(name)};
  }

  const Block& block_;
  ImportReport& report_;
};

bool RuleMaker::enforces_app(std::string_view app) const {
  return std::any_of(block_.enforcing.begin(), block_.enforcing.end(), [&](const Listed& listed) {
    return lower(listed.name) == std::string(app_prefix) + lower(app);
  });
}

bool RuleMaker::can_be_matched(std::string_view name, const Place& place, std::string_view what) {
  if (name.find('*') == std::string_view::npos) return true;
  report_.not_carried(
      place, fmt::format("{}: a `*` within a name, as in {}, has no counterpart", what, quoted(name)));
  return false;
}

void RuleMaker::add_override(Rule& rule, std::vector<Matcher> match, std::uint64_t capacity,
                             std::uint64_t seconds) {
  Override exception;
  exception.match = std::move(match);
  exception.limits = {Limit{.requests = capacity, .window_s = static_cast<std::uint32_t>(seconds)}};
  rule.overrides.push_back(std::move(exception));
}

void RuleMaker::exempt(Rule& rule, std::vector<Matcher> match) {
  Override exception;
  exception.match = std::move(match);
  exception.unlimited = true;
  rule.overrides.push_back(std::move(exception));
}

void RuleMaker::add_principals(Rule& rule) {
  std::vector<Named> principals = block_.capacity_by_principal;
  for (const Named& named : block_.rate_seconds_by_principal)
    if (find(principals, named.name) == nullptr) principals.push_back(named);
  for (const Named& named : principals) {
    if (!can_be_matched(named.name, named.place, "principal")) continue;
    const Matcher principal = principal_matcher(named.name);
    const Named* capacity = find(block_.capacity_by_principal, named.name);
    const Named* seconds = find(block_.rate_seconds_by_principal, named.name);
    const std::uint64_t window_s = seconds != nullptr ? seconds->value : block_.rate_seconds;
    add_override(rule, {principal}, capacity != nullptr ? capacity->value : block_.capacity, window_s);
    // The window is the principal's, but the capacity may be the application's.
    if (capacity == nullptr)
      for (const Named& app : block_.capacity_by_app)
        if (app.name.find('*') == std::string::npos && (lower(app.name) != deck || enforces_app(deck)))
          add_override(rule, {principal, app_matcher(app.name)}, app.value, window_s);
    if (!enforces_app(deck)) exempt(rule, {principal, app_matcher(deck)});
    if (principal.kind == Matcher::Kind::prefix)
      report_.remark(named.place,
                     "anonymous: covers every principal that begins so, such as anonymous-192.0.2.1, each "
                     "with counters of its own");
    if (rule.overrides.size() > overrides_per_rule_max) return;
  }
}

void RuleMaker::add_apps(Rule& rule) {
  for (const Named& app : block_.capacity_by_app) {
    if (lower(app.name) == deck && !enforces_app(deck)) {
      report_.remark(app.place,
                     "deck is exempt from limits unless `app:deck` is enforced, so this has no effect");
      continue;
    }
    if (!can_be_matched(app.name, app.place, "sourceApp")) continue;
    add_override(rule, {app_matcher(app.name)}, app.value, block_.rate_seconds);
    rule.overrides.back().learning = !(block_.enabled && enforces_app(app.name));
    report_.remark(app.place,
                   fmt::format("{}: compared exactly here, without regard to case there; what it covers {}",
                               quoted(app.name),
                               *rule.overrides.back().learning
                                   ? "learns, as `app:` and the name are not among `enforcing`"
                                   : "is enforced"));
  }
  if (!enforces_app(deck)) exempt(rule, {app_matcher(deck)});
}

void RuleMaker::add_callers(Rule& rule) {
  const auto add = [&](const std::vector<Listed>& from, std::vector<Caller>& to, bool enforcing) {
    std::set<std::string_view> seen;
    for (const Listed& listed : from) {
      if (!seen.insert(listed.name).second) {
        report_.remark(listed.place, fmt::format("{} is in the list already", quoted(listed.name)));
        continue;
      }
      const std::string name = lower(listed.name);
      if (name.starts_with(app_prefix)) {
        const std::string app = name.substr(app_prefix.size());
        const bool known =
            app == deck || std::any_of(block_.capacity_by_app.begin(), block_.capacity_by_app.end(),
                                       [&](const Named& n) { return lower(n.name) == app; });
        if (!enforcing || !known)
          report_.not_carried(listed.place,
                              fmt::format("{} says nothing: only applications with a capacity of their "
                                          "own are enforced by name",
                                          quoted(listed.name)));
        else
          report_.remark(listed.place,
                         "`app:` entries: Gate reads them from Redis only; carried as they are meant");
        continue;
      }
      if (!can_be_matched(listed.name, listed.place, enforcing ? "enforcing" : "ignoring")) continue;
      const Matcher principal = principal_matcher(listed.name);
      if (principal.kind == Matcher::Kind::prefix)
        to.push_back(Caller{.principal = "", .match = {principal}});
      else
        to.push_back(Caller{.principal = listed.name, .match = {}});
    }
  };
  for (const Listed& listed : block_.enforcing)
    if (std::any_of(block_.ignoring.begin(), block_.ignoring.end(),
                    [&](const Listed& other) { return other.name == listed.name; }))
      report_.remark(listed.place,
                     fmt::format("{} is in both lists: Gate enforces, Starling only learns, since a "
                                 "mistake never blocks traffic",
                                 quoted(listed.name)));
  if (block_.enabled) {
    add(block_.enforcing, rule.enforcing, true);
  } else {
    for (const Listed& listed : block_.enforcing)
      report_.not_carried(listed.place, fmt::format("enforcing: {} is not enforced while the limiter is off",
                                                    quoted(listed.name)));
  }
  add(block_.ignoring, rule.ignoring, false);
  if (!block_.capacity_by_app.empty() && !(rule.enforcing.empty() && rule.ignoring.empty()))
    report_.remark(
        block_.capacity_by_app.front().place,
        "capacityBySourceApp: for these applications Gate does not look at the principal's flags; Starling "
        "looks at `enforcing` and `ignoring` first");
}

Rule RuleMaker::make() {
  Rule rule;
  rule.name = "per-principal";
  rule.match = {Matcher{.key = "principal", .kind = Matcher::Kind::any, .text = ""}};
  rule.limits = {
      Limit{.requests = block_.capacity, .window_s = static_cast<std::uint32_t>(block_.rate_seconds)}};
  add_principals(rule);
  add_apps(rule);
  add_callers(rule);
  return rule;
}

/// Finds the block, or what stands for it (`rateLimit.capacity: 100` as one key), in the documents of a file.
std::optional<Block> find_block(const std::vector<ForeignNode>& documents, ImportReport& report) {
  std::optional<Block> block;
  BlockReader reader(report);
  constexpr std::string_view wanted = "ratelimit";
  for (const ForeignNode& document : documents) {
    for (const ForeignEntry& entry : document.entries) {
      const std::string key = canonical(entry.key);
      if (key == wanted) {
        if (block)
          report.not_carried(entry.place,
                             "a second block for the same file, of which only the first is read; import "
                             "one profile at a time");
        else
          block = reader.read(entry.value);
      } else if (key.starts_with(std::string(wanted) + '.')) {
        if (!block) block.emplace();
        reader.read_entry(entry, std::string_view(entry.key).substr(entry.key.find('.') + 1), *block);
      }
    }
  }
  return block;
}

}  // namespace

std::optional<Imported> import_spinnaker(const std::vector<ForeignNode>& documents, ImportReport& report) {
  const auto block = find_block(documents, report);
  if (!block) {
    report.error(
        documents.front().place,
        "expected a `rateLimit` (or `rate-limit`) block at the top level, as in Gate's gate.yml, found none");
    return std::nullopt;
  }
  Imported imported;
  imported.rules.rules.push_back(RuleMaker(*block, report).make());
  imported.rules.learning = block->learning || !block->enabled;
  if (!block->enabled)
    report.remark(
        documents.front().place,
        "enabled: it is not true, so Gate limits nobody; here the rule learns, which denies nobody either");
  imported.explanation = {
      "What the gateway has to tell: `principal` (the user; anonymous-<address> for callers without a name)",
      "and, if it knows it, `source_app` (Gate's header X-RateLimit-App). All keys outside of `rateLimit` in "
      "the",
      "imported file are Gate's own business and were not looked at. `deck`, Spinnaker's front end, is "
      "exempt",
      "in Gate unless `app:deck` is enforced.",
  };
  return imported;
}

}  // namespace starling
