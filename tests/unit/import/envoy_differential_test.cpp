/// Random trees and requests: Envoy's lookup, as its reference describes it, against the rules we make of the
/// tree.
///
/// The model here walks maps from "key_value" and "key" to nodes, as the reference does; it shares nothing
/// with the importer. Trees keep the keys of a way down in alphabetical order, and so do requests: rules know
/// no order.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "imported_rules.hpp"
#include "small_limiter.hpp"

namespace starling {
namespace {

struct ModelLimit {
  bool unlimited = false;
  Hits requests = 0;
  std::uint32_t window_s = 1;
  bool shadow = false;
  std::string name;
  std::vector<std::string> replaces;
};

struct ModelNode {
  std::string key;
  std::string value;  ///< empty: none
  std::optional<ModelLimit> limit;
  std::vector<ModelNode> children;
};

/// One step: the child with that very value, else the first wildcard that fits, else the bare key.
const ModelNode* step(const std::vector<ModelNode>& children, const std::string& key,
                      const std::string& value) {
  std::map<std::string, const ModelNode*> by_name;
  std::vector<std::string> wildcards;
  for (const ModelNode& child : children) {
    const std::string name = child.value.empty() ? child.key : child.key + "_" + child.value;
    by_name[name] = &child;
    if (name.ends_with('*')) wildcards.push_back(name);
  }
  const std::string full = key + "_" + value;
  if (by_name.contains(full) && !full.ends_with('*')) return by_name[full];
  for (const std::string& wildcard : wildcards)
    if (full.starts_with(wildcard.substr(0, wildcard.size() - 1))) return by_name[wildcard];
  return by_name.contains(key) ? by_name[key] : nullptr;
}

const ModelLimit* lookup(const std::vector<ModelNode>& tree, const SmallDescriptor& descriptor) {
  const std::vector<ModelNode>* level = &tree;
  for (std::size_t i = 0; i < descriptor.size(); ++i) {
    const ModelNode* node = step(*level, descriptor[i].first, descriptor[i].second);
    if (node == nullptr) return nullptr;
    if (i + 1 == descriptor.size()) return node->limit ? &*node->limit : nullptr;
    if (node->children.empty()) return nullptr;
    level = &node->children;
  }
  return nullptr;
}

/// Per descriptor the limit that holds, after `replaces`; null: none or unlimited.
std::vector<const ModelLimit*> model_verdicts(const std::vector<ModelNode>& tree,
                                              const std::vector<SmallDescriptor>& request) {
  std::vector<const ModelLimit*> limits;
  std::set<std::string> replaced;
  for (const SmallDescriptor& descriptor : request) {
    limits.push_back(lookup(tree, descriptor));
    if (limits.back() != nullptr)
      replaced.insert(limits.back()->replaces.begin(), limits.back()->replaces.end());
  }
  for (const ModelLimit*& limit : limits)
    if (limit != nullptr && (limit->unlimited || (!limit->name.empty() && replaced.contains(limit->name))))
      limit = nullptr;
  return limits;
}

class Dice {
 public:
  Dice(std::uint64_t seed, bool names) : random_(seed), names_(names) {}

  std::vector<ModelNode> tree(char first_key, int depth) {
    std::vector<ModelNode> nodes;
    std::set<std::string> seen;
    for (std::uint64_t left = 1 + random_.below(4); left > 0; --left) {
      ModelNode node;
      if (first_key > 'c') break;
      node.key = std::string(
          1, static_cast<char>(first_key + random_.below(static_cast<std::uint64_t>('d' - first_key))));
      const std::vector<std::string> values{"", "", "x", "y", "xy", "xyz", "x*", "xy*", "*", "y*"};
      node.value = values[random_.below(values.size())];
      if (!seen.insert(node.key + "_" + node.value).second) continue;
      if (random_.chance(0.7)) node.limit = limit();
      if (depth > 1 && random_.chance(0.5))
        node.children = tree(static_cast<char>(node.key[0] + 1), depth - 1);
      nodes.push_back(std::move(node));
    }
    return nodes;
  }

  std::vector<SmallDescriptor> request() {
    const std::vector<std::string> values{"", "x", "y", "xy", "xyz", "xyzz", "z", "yy"};
    std::vector<SmallDescriptor> descriptors;
    for (std::uint64_t left = 1 + random_.below(3); left > 0; --left) {
      SmallDescriptor descriptor;
      for (const char key : {'a', 'b', 'c'})
        if (random_.chance(0.6))
          descriptor.emplace_back(std::string(1, key), values[random_.below(values.size())]);
      if (!descriptor.empty()) descriptors.push_back(std::move(descriptor));
    }
    return descriptors;
  }

 private:
  ModelLimit limit() {
    ModelLimit limit{.unlimited = random_.chance(0.15), .requests = ++number_, .shadow = random_.chance(0.2)};
    constexpr std::array<std::uint32_t, 3> windows{1, 60, 604'800};
    limit.window_s = windows[random_.below(3)];
    if (!names_) return limit;
    if (random_.chance(0.4)) limit.name = fmt::format("n{}", random_.below(4));
    // Downwards only: circles cannot be carried over, and are a test of their own.
    if (random_.chance(0.3))
      for (std::uint64_t n = 0; n < 4; ++n)
        if (random_.chance(0.3) && (limit.name.empty() || fmt::format("n{}", n) < limit.name))
          limit.replaces.push_back(fmt::format("n{}", n));
    return limit;
  }

  Random random_;
  bool names_;
  Hits number_ = 0;
};

void print(const std::vector<ModelNode>& nodes, const std::string& indent, std::string& out) {
  out += indent + "descriptors:\n";
  for (const ModelNode& node : nodes) {
    out += fmt::format("{}- key: {}\n", indent, node.key);
    if (!node.value.empty()) out += fmt::format("{}  value: \"{}\"\n", indent, node.value);
    if (node.limit) {
      const ModelLimit& limit = *node.limit;
      const std::string unit = limit.window_s == 1 ? "second" : limit.window_s == 60 ? "MINUTE" : "Week";
      std::string said = limit.unlimited
                             ? "unlimited: true"
                             : fmt::format("unit: {}, requests_per_unit: {}", unit, limit.requests);
      if (!limit.name.empty()) said += ", name: " + limit.name;
      if (!limit.replaces.empty()) {
        said += ", replaces: [";
        for (const std::string& name : limit.replaces) said += fmt::format("{{name: {}}},", name);
        said.back() = ']';
      }
      out += fmt::format("{}  rate_limit: {{{}}}\n", indent, said);
      if (limit.shadow) out += indent + "  shadow_mode: true\n";
    }
    if (!node.children.empty()) print(node.children, indent + "  ", out);
  }
}

struct Tally {
  int trees = 0;
  int with_overrides = 0;
  int with_replaces = 0;
  int limits = 0;
};

/// The same limit must apply to each descriptor, and two descriptors share a counter only if they are the
/// same.
void compare(std::uint64_t seed, bool names, Tally& tally) {
  Dice dice(seed, names);
  const std::vector<ModelNode> tree = dice.tree('a', 3);
  std::string text = "domain: d\n";
  print(tree, "", text);
  CAPTURE(seed);
  CAPTURE(text);
  const Imported imported = import_good(ImportFrom::envoy, text);
  if (loses_something(imported)) return;
  ++tally.trees;
  for (const Rule& rule : imported.rules.rules) {
    tally.with_overrides += rule.overrides.empty() ? 0 : 1;
    tally.with_replaces += rule.replaces.empty() ? 0 : 1;
  }
  const SmallLimiter limiter(imported.rules);
  std::map<decltype(SmallVerdict::counter), SmallDescriptor> counters;
  for (int i = 0; i < 60; ++i) {
    const std::vector<SmallDescriptor> request = dice.request();
    const auto expected = model_verdicts(tree, request);
    const auto verdicts = limiter.verdicts(request);
    for (std::size_t d = 0; d < request.size(); ++d) {
      std::string shown_descriptor;
      for (const auto& [key, value] : request[d]) shown_descriptor += fmt::format("{}={} ", key, value);
      CAPTURE(shown_descriptor);
      CAPTURE(native_file(imported, ImportFrom::envoy, "f"));
      REQUIRE(verdicts[d].size() == (expected[d] == nullptr ? 0 : 1));
      if (expected[d] == nullptr) continue;
      ++tally.limits;
      const SmallVerdict& verdict = verdicts[d].front();
      REQUIRE(verdict.limit == Limit{.requests = expected[d]->requests, .window_s = expected[d]->window_s});
      REQUIRE(verdict.learning == expected[d]->shadow);
      const auto [counter, is_new] = counters.emplace(verdict.counter, request[d]);
      REQUIRE((is_new || counter->second == request[d]));
    }
  }
}

}  // namespace

TEST_SUITE("import.envoy_differential") {
  TEST_CASE("trees without names limit each descriptor as Envoy does") {
    Tally tally;
    for (std::uint64_t seed = 1; seed <= 1500; ++seed) compare(seed, false, tally);
    CHECK(tally.trees == 1500);
    CHECK(tally.with_overrides > 500);
    CHECK(tally.limits > 5'000);
  }

  TEST_CASE("trees with names and replaces limit each descriptor as Envoy does, or say that they do not") {
    Tally tally;
    for (std::uint64_t seed = 1; seed <= 1500; ++seed) compare(seed, true, tally);
    CHECK(tally.trees > 500);
    CHECK(tally.with_replaces > 100);
    CHECK(tally.limits > 3'000);
  }
}

}  // namespace starling
