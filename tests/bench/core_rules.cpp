// Decisions against the number of rules, of which one applies: that of the request's path, or of its domain,
// or of its one key.
#include <benchmark/benchmark.h>

#include <string>

#include "base/check.hpp"
#include "core_world.hpp"

namespace starling::bench {
namespace {

constexpr std::size_t round_decisions = 1'024;
constexpr std::size_t callers_count = 64;

enum class Apart { by_path, by_domain, by_key };

std::string numbered(std::string_view word, std::size_t number) {
  return std::string(word) + std::to_string(number);
}

RuleSet rules(std::size_t count, Apart apart) {
  RuleSet set;
  for (std::size_t i = 0; i < count; ++i) {
    const std::string key = apart == Apart::by_key ? numbered("key-", i) : "principal";
    Rule rule{.name = numbered("rule-", i),
              .domain = apart == Apart::by_domain ? numbered("domain-", i) : "",
              .match = {},
              .limits = {Limit{.requests = 1'000'000'000, .window_s = 3600}}};
    if (apart == Apart::by_path)
      rule.match.push_back({.key = "path", .kind = Matcher::Kind::equal, .text = numbered("/path/", i)});
    rule.match.push_back({.key = key, .kind = Matcher::Kind::any, .text = ""});
    set.rules.push_back(std::move(rule));
  }
  return set;
}

void decide(benchmark::State& state, Apart apart) {
  const auto count = static_cast<std::size_t>(state.range(0));
  World world(engine_options(100'000), rules(count, apart));
  std::vector<CallerText> callers;
  for (std::size_t i = 0; i < callers_count; ++i) callers.emplace_back(i);
  const std::vector<std::uint32_t> order = random_order(count, 4'096, count);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < order.size(); ++i) {
    const std::size_t rule = order[i];
    names.push_back(apart == Apart::by_path     ? numbered("/path/", rule)
                    : apart == Apart::by_domain ? numbered("domain-", rule)
                                                : numbered("key-", rule));
  }
  std::vector<double> rounds;
  std::size_t at = 0;
  while (state.KeepRunningBatch(static_cast<std::int64_t>(round_decisions))) {
    const double begin = cpu_ns();
    for (std::size_t i = 0; i < round_decisions; ++i, at = (at + 1) % names.size()) {
      const std::string_view caller = callers[at % callers.size()].view();
      const std::string_view name = names[at];
      const std::array<Entry, 2> entries{
          Entry{.key = apart == Apart::by_key ? name : "principal", .value = caller},
          Entry{.key = "path", .value = apart == Apart::by_path ? name : "/"}};
      STARLING_CHECK(world.ask(entries, apart == Apart::by_domain ? name : ""));
      STARLING_CHECK(world.engine.decided().size() == 1);
      if (i % World::decisions_per_turn == 0) world.turn();
    }
    rounds.push_back((cpu_ns() - begin) / static_cast<double>(round_decisions));
  }
  state.counters["median_ns"] = median(rounds);
  state.counters["p10_ns"] = quantile(rounds, 0.1);
  state.counters["p90_ns"] = quantile(rounds, 0.9);
}

}  // namespace

void register_rules() {
  for (const std::int64_t count : {1, 10, 100, 1'000, 10'000}) {
    benchmark::RegisterBenchmark("decide/rules_by_value", decide, Apart::by_path)->Arg(count);
    benchmark::RegisterBenchmark("decide/rules_by_domain", decide, Apart::by_domain)->Arg(count);
    benchmark::RegisterBenchmark("decide/rules_by_key", decide, Apart::by_key)->Arg(count);
  }
}

}  // namespace starling::bench
