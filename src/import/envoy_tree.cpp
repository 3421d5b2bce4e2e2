#include "import/envoy_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>
#include <string_view>
#include <utility>

#include "base/shown_text.hpp"
#include "import/foreign_value.hpp"

namespace starling {
namespace {

struct Unit {
  std::string_view name;
  std::uint32_t seconds;
};
/// A month has 30 days and a year 365, as in the reference.
constexpr std::array<Unit, 7> units{{{"second", 1},
                                     {"minute", 60},
                                     {"hour", 3600},
                                     {"day", 86'400},
                                     {"week", 604'800},
                                     {"month", 30 * 86'400},
                                     {"year", 365 * 86'400}}};
constexpr Hits requests_per_unit_max = 4'294'967'295;

class TreeReader {
 public:
  explicit TreeReader(ImportReport& report) : report_(report) {}

  std::optional<EnvoyTree> read(const ForeignNode& document);

 private:
  std::vector<EnvoyDescriptor> read_list(const ForeignNode& list);
  std::optional<EnvoyDescriptor> read_descriptor(const ForeignNode& node);
  bool read_matcher(const ForeignNode& node, EnvoyDescriptor& descriptor);
  void read_value(const ForeignNode& value, EnvoyDescriptor& descriptor, bool& expressible);
  std::optional<EnvoyLimit> read_limit(const ForeignNode& node);
  std::optional<std::uint32_t> read_unit(const ForeignNode& value);
  std::vector<EnvoyReplaced> read_replaces(const ForeignNode& value, const std::string& own_name);
  void unknown(const ForeignEntry& entry, std::string_view where);
  void tell_unused(const ForeignNode& node);
  void expected(const ForeignNode& found, std::string_view what, std::string_view wanted) {
    report_.error(found.place, fmt::format("{}: expected {}, found {}", what, wanted, found.found()));
  }

  ImportReport& report_;
  std::vector<std::string> path_;  ///< keys from the top to where we are
  std::size_t descriptors_count_ = 0;
};

std::optional<EnvoyTree> TreeReader::read(const ForeignNode& document) {
  EnvoyTree tree;
  const ForeignNode* descriptors = nullptr;
  if (!document.is_map()) {
    expected(document, "the file", "a map with `domain` and `descriptors`");
    return std::nullopt;
  }
  for (const ForeignEntry& entry : document.entries) {
    if (entry.key == "domain" && entry.value.is_text())
      tree.domain = entry.value.text;
    else if (entry.key == "domain")
      expected(entry.value, "domain", "a text");
    else if (entry.key == "descriptors")
      descriptors = &entry.value;
    else
      unknown(entry, "the file");
  }
  if (tree.domain.empty() || tree.domain.size() > foreign_name_bytes_max)
    report_.error(document.place,
                  fmt::format("expected a `domain` of 1 to {} bytes, found {}", foreign_name_bytes_max,
                              tree.domain.empty() ? "none" : "a longer one"));
  if (descriptors == nullptr)
    report_.remark(document.place, "there are no `descriptors`, so there are no rules");
  else
    tree.descriptors = read_list(*descriptors);
  if (report_.has_errors()) return std::nullopt;
  return tree;
}

std::vector<EnvoyDescriptor> TreeReader::read_list(const ForeignNode& list) {
  std::vector<EnvoyDescriptor> descriptors;
  if (list.is_nothing()) return descriptors;
  if (!list.is_list()) {
    expected(list, "descriptors", "a list");
    return descriptors;
  }
  std::set<std::pair<std::string, std::string>> seen;
  for (const ForeignNode& item : list.items) {
    if (++descriptors_count_ > envoy_descriptors_max) {
      if (descriptors_count_ == envoy_descriptors_max + 1)
        report_.error(item.place,
                      fmt::format("expected at most {} descriptors, found more", envoy_descriptors_max));
      return descriptors;
    }
    auto descriptor = read_descriptor(item);
    if (!descriptor) continue;
    if (!seen.emplace(descriptor->matcher.key, descriptor->tried == EnvoyDescriptor::Tried::bare_key
                                                   ? "*bare"
                                                   : descriptor->matcher.to_string())
             .second)
      report_.error(item.place,
                    fmt::format("the key {} stands here twice with the same value; remove one of the "
                                "two",
                                quoted(descriptor->matcher.key)));
    descriptors.push_back(std::move(*descriptor));
  }
  std::stable_sort(descriptors.begin(), descriptors.end(),
                   [](const EnvoyDescriptor& a, const EnvoyDescriptor& b) { return a.tried < b.tried; });
  return descriptors;
}

std::optional<EnvoyDescriptor> TreeReader::read_descriptor(const ForeignNode& node) {
  if (!node.is_map()) {
    expected(node, "descriptor", "a map with a `key`");
    return std::nullopt;
  }
  EnvoyDescriptor descriptor;
  descriptor.place = node.place;
  const bool expressible = read_matcher(node, descriptor);
  path_.push_back(descriptor.matcher.key);
  for (const ForeignEntry& entry : node.entries) {
    if (entry.key == "key" || entry.key == "value") continue;
    if (entry.key == "descriptors") {
      descriptor.descriptors = read_list(entry.value);
    } else if (entry.key == "rate_limit") {
      if (!entry.value.is_nothing()) descriptor.limit = read_limit(entry.value);
    } else if (entry.key == "shadow_mode") {
      descriptor.shadow = read_foreign_bool(entry.value, "shadow_mode", report_).value_or(false);
    } else if (entry.key == "share_threshold") {
      if (read_foreign_bool(entry.value, "share_threshold", report_).value_or(false))
        report_.not_carried(entry.place,
                            "share_threshold: here each value has counters of its own, so the values of this "
                            "wildcard together may pass more than the limit");
    } else if (entry.key == "quota_mode") {
      if (read_foreign_bool(entry.value, "quota_mode", report_).value_or(false))
        report_.not_carried(entry.place,
                            "quota_mode: there is no quota to report; the limit is enforced as usual");
    } else if (entry.key == "detailed_metric" || entry.key == "value_to_metric" || entry.key == "metadata") {
      report_.not_carried(
          entry.place, fmt::format("{}: says how metrics are named there, and has no place here", entry.key));
    } else {
      unknown(entry, "descriptor");
    }
  }
  path_.pop_back();
  const ForeignNode* below = node.find("descriptors");
  if (!expressible) return std::nullopt;
  if (!descriptor.limit && (below == nullptr || below->items.empty())) tell_unused(node);
  return descriptor;
}

void TreeReader::tell_unused(const ForeignNode& node) {
  report_.remark(node.place, "no `rate_limit` and no `descriptors`: what falls here passes, here as there");
  if (const ForeignNode* shadow = node.find("shadow_mode"))
    report_.remark(shadow->place, "shadow_mode: has no effect without a `rate_limit`");
}

/// False if no `match` can say it, which has been told then.
bool TreeReader::read_matcher(const ForeignNode& node, EnvoyDescriptor& descriptor) {
  const ForeignNode* key = node.find("key");
  if (key == nullptr || !key->is_text() || key->text.empty()) {
    report_.error(
        key != nullptr ? key->place : node.place,
        fmt::format("descriptor: expected a `key`, found {}", key != nullptr ? key->found() : "none"));
    return false;
  }
  descriptor.matcher = Matcher{.key = key->text, .kind = Matcher::Kind::any, .text = ""};
  bool expressible = true;
  if (const ForeignNode* value = node.find("value")) read_value(*value, descriptor, expressible);
  const auto refuse = [&](std::string_view why) {
    if (expressible)
      report_.not_carried(node.place, fmt::format("descriptor {}: {}", quoted(key->text), why));
    expressible = false;
  };
  if (key->text.size() > foreign_name_bytes_max)
    refuse(fmt::format("a key may have at most {} bytes", foreign_name_bytes_max));
  if (key->text.ends_with('*') && descriptor.tried == EnvoyDescriptor::Tried::bare_key)
    refuse("a `*` in a key has no counterpart; it and what is below it are left out");
  if (std::find(path_.begin(), path_.end(), key->text) != path_.end())
    refuse(
        "the same key twice on one way down has no counterpart, for a rule names each key once; it and what "
        "is "
        "below it are left out");
  if (path_.size() >= match_keys_max)
    refuse(fmt::format("a rule names at most {} keys; it and what is below it are left out", match_keys_max));
  return expressible;
}

void TreeReader::read_value(const ForeignNode& value, EnvoyDescriptor& descriptor, bool& expressible) {
  if (value.is_nothing() || (value.is_text() && value.text.empty())) return;  // as if it were not there
  if (!value.is_text()) {
    expected(value, "value", "a text");
    expressible = false;
    return;
  }
  Matcher& matcher = descriptor.matcher;
  const std::size_t star = value.text.find('*');
  matcher.text = value.text.substr(0, star);
  if (star == std::string::npos) {
    matcher.kind = Matcher::Kind::equal;
    descriptor.tried = EnvoyDescriptor::Tried::exact_value;
  } else if (star + 1 == value.text.size()) {
    matcher.kind = matcher.text.empty() ? Matcher::Kind::any : Matcher::Kind::prefix;
    descriptor.tried = EnvoyDescriptor::Tried::wildcard;
  } else {
    report_.not_carried(
        value.place,
        fmt::format("value {}: a `*` may only stand at the end; the descriptor and what is below it "
                    "are left out, and what it covered falls to its neighbours",
                    value.found()));
    expressible = false;
  }
}

std::optional<EnvoyLimit> TreeReader::read_limit(const ForeignNode& node) {
  if (!node.is_map()) {
    expected(node, "rate_limit", "a map with `unit` and `requests_per_unit`, or `unlimited: true`");
    return std::nullopt;
  }
  EnvoyLimit limit;
  const ForeignNode* unit = nullptr;
  const ForeignNode* requests = nullptr;
  const ForeignNode* replaces = nullptr;
  for (const ForeignEntry& entry : node.entries) {
    if (entry.key == "unit")
      unit = &entry.value;
    else if (entry.key == "requests_per_unit")
      requests = &entry.value;
    else if (entry.key == "unlimited")
      limit.unlimited = read_foreign_bool(entry.value, "unlimited", report_).value_or(true);
    else if (entry.key == "name" && (entry.value.is_text() || entry.value.is_nothing()))
      limit.name = entry.value.text;
    else if (entry.key == "name")
      expected(entry.value, "rate_limit: name", "a text");
    else if (entry.key == "replaces")
      replaces = &entry.value;
    else
      unknown(entry, "rate_limit");
  }
  if (replaces != nullptr) limit.replaces = read_replaces(*replaces, limit.name);
  if (limit.unlimited) {
    if (unit != nullptr || requests != nullptr)
      report_.remark(node.place, "rate_limit: it is unlimited, so its numbers have no effect");
    return limit;
  }
  if (unit == nullptr)
    report_.error(node.place, "rate_limit: expected a `unit`, found none");
  else if (const auto seconds = read_unit(*unit))
    limit.window_s = *seconds;
  if (requests == nullptr)
    report_.remark(node.place, "rate_limit: without `requests_per_unit` it is 0: everything is denied");
  else if (const auto number =
               read_foreign_number(*requests, "requests_per_unit", requests_per_unit_max, report_))
    limit.requests = *number;
  return limit;
}

std::optional<std::uint32_t> TreeReader::read_unit(const ForeignNode& value) {
  std::string lower = value.text;
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; });
  const auto unit = std::find_if(units.begin(), units.end(), [&](const Unit& u) { return u.name == lower; });
  if (unit != units.end()) return unit->seconds;
  expected(value, "rate_limit: unit", "second, minute, hour, day, week, month or year");
  return std::nullopt;
}

std::vector<EnvoyReplaced> TreeReader::read_replaces(const ForeignNode& value, const std::string& own_name) {
  std::vector<EnvoyReplaced> replaces;
  if (value.is_nothing()) return replaces;
  if (!value.is_list()) {
    expected(value, "rate_limit: replaces", "a list such as [{name: other}]");
    return replaces;
  }
  for (const ForeignNode& item : value.items) {
    const ForeignNode* name = item.find("name");
    if (name == nullptr || !name->is_text() || name->text.empty() || item.entries.size() != 1)
      expected(item, "rate_limit: replaces", "a map with a `name` and nothing else");
    else if (name->text == own_name)
      report_.error(
          name->place,
          fmt::format("rate_limit: replaces: expected another's name, found its own, {}", name->found()));
    else
      replaces.push_back(EnvoyReplaced{name->text, name->place});
  }
  return replaces;
}

void TreeReader::unknown(const ForeignEntry& entry, std::string_view where) {
  report_.not_carried(entry.place,
                      fmt::format("{}: unknown key {}, an error there as well", where, quoted(entry.key)));
}

}  // namespace

std::optional<EnvoyTree> read_envoy_tree(const ForeignNode& document, ImportReport& report) {
  return TreeReader(report).read(document);
}

}  // namespace starling
