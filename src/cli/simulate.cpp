#include "cli/simulate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/chaos.hpp"
#include "cli/output.hpp"
#include "cli/progress_bar.hpp"
#include "cli/simulation_view.hpp"
#include "limiter/duration_text.hpp"
#include "sim/experiment.hpp"

namespace starling::cli {
namespace {

using std::chrono::milliseconds;

constexpr std::uint64_t nodes_max = 1000;
constexpr std::uint64_t windows_max = 100'000;
constexpr Hits simulated_limit_max = 1'000'000'000;
constexpr double load_max = 10'000;
constexpr double requests_per_window_max = 1e8;
constexpr std::uint64_t seeds_max = 1'000'000'000;
constexpr Duration delay_max = std::chrono::seconds(10);
constexpr Duration sync_min = milliseconds(1);
constexpr Duration sync_max = std::chrono::hours(1);

/// What the flags said.
struct Simulate {
  sim::ExperimentOptions experiment;
  Format format = Format::table;
  bool chaos = false;
  std::optional<std::pair<std::uint64_t, std::uint64_t>> seeds;
  std::vector<std::string> given;  ///< names of the flags that were there

  bool is_given(std::string_view name) const {
    return std::find(given.begin(), given.end(), name) != given.end();
  }
};

/// Takes the text of a flag in; returns what would have been right if it is wrong.
using Take = std::function<std::optional<std::string>(Simulate&, std::string_view)>;

template <class Number>
std::optional<Number> parse_number(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// A number up to a suffix.
std::optional<double> parse_with_suffix(std::string_view text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return std::nullopt;
  return parse_number<double>(text.substr(0, text.size() - suffix.size()));
}

/// "500us", "0.5ms", "2s".
std::optional<Duration> parse_delay(std::string_view text) {
  struct Unit {
    std::string_view suffix;
    double ns;
  };
  constexpr std::array<Unit, 3> units{{{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}}};
  for (const Unit& unit : units) {
    const auto number = parse_with_suffix(text, unit.suffix);
    if (!number) continue;
    const double ns = *number * unit.ns;
    if (!(ns >= 0 && ns <= static_cast<double>(sync_max.count()))) return std::nullopt;
    return Duration(std::llround(ns));
  }
  return std::nullopt;
}

template <class Choice>
struct Named {
  std::string_view name;
  Choice choice;
};

/// One of a few words.
template <class Choice, std::size_t count>
Take one_of(const std::array<Named<Choice>, count>& choices, Choice& (*member)(Simulate&)) {
  return [&choices, member](Simulate& flags, std::string_view text) -> std::optional<std::string> {
    std::string names;
    for (std::size_t i = 0; i < count; ++i) {
      if (choices[i].name == text) {
        member(flags) = choices[i].choice;
        return std::nullopt;
      }
      names += fmt::format("{}{}", i == 0 ? "" : i + 1 == count ? " or " : ", ", choices[i].name);
    }
    return names;
  };
}

/// A whole number.
template <class Number>
Take whole(std::uint64_t least, std::uint64_t most, Number& (*member)(Simulate&)) {
  return [=](Simulate& flags, std::string_view text) -> std::optional<std::string> {
    const auto number = parse_number<std::uint64_t>(text);
    if (!number || *number < least || *number > most)
      return fmt::format("a whole number from {} to {}", least, most);
    member(flags) = static_cast<Number>(*number);
    return std::nullopt;
  };
}

Take delay(Duration& (*member)(Simulate&)) {
  return [=](Simulate& flags, std::string_view text) -> std::optional<std::string> {
    const auto parsed = parse_delay(text);
    if (!parsed || *parsed > delay_max) return "a time from 0us to 10s, such as 500us or 2ms";
    member(flags) = *parsed;
    return std::nullopt;
  };
}

std::optional<std::string> take_limit(Simulate& flags, std::string_view text) {
  const std::size_t slash = text.find('/');
  const auto requests = parse_number<Hits>(text.substr(0, slash));
  const auto window = parse_duration(slash == std::string_view::npos ? "" : text.substr(slash + 1));
  if (!requests || *requests < 1 || *requests > simulated_limit_max || !window ||
      *window < std::chrono::seconds(window_s_min) || *window > std::chrono::seconds(window_s_max) ||
      *window % std::chrono::seconds(1) != milliseconds(0))
    return fmt::format(
        "REQUESTS/WINDOW such as 1000/1s: from 1 to {} requests, and whole seconds from 1s to 366d",
        simulated_limit_max);
  flags.experiment.limit =
      Limit{.requests = *requests, .window_s = static_cast<std::uint32_t>(window->count() / 1000)};
  return std::nullopt;
}

std::optional<std::string> take_load(Simulate& flags, std::string_view text) {
  const auto load = text.ends_with('x') ? parse_with_suffix(text, "x") : parse_number<double>(text);
  if (!load || !(*load >= 0 && *load <= load_max))
    return fmt::format("a multiple of the limit from 0x to {:.0f}x, such as 10x", load_max);
  flags.experiment.load = *load;
  return std::nullopt;
}

std::optional<std::string> take_loss(Simulate& flags, std::string_view text) {
  const auto percent = parse_with_suffix(text, "%");
  if (!percent || !(*percent >= 0 && *percent <= 100)) return "a percentage from 0% to 100%, such as 1%";
  flags.experiment.link.loss = *percent / 100;
  return std::nullopt;
}

std::optional<std::string> take_sync(Simulate& flags, std::string_view text) {
  flags.experiment.fixed_interval = text == "adaptive" ? std::nullopt : parse_delay(text);
  if (text == "adaptive") return std::nullopt;
  const auto& interval = flags.experiment.fixed_interval;
  if (!interval || *interval < sync_min || *interval > sync_max)
    return "adaptive, or a fixed interval from 1ms to 3600s such as 100ms";
  return std::nullopt;
}

std::optional<std::string> take_seeds(Simulate& flags, std::string_view text) {
  const std::size_t colon = text.find(':');
  const auto first = parse_number<std::uint64_t>(text.substr(0, colon));
  const auto last =
      parse_number<std::uint64_t>(colon == std::string_view::npos ? "" : text.substr(colon + 1));
  if (!first || !last || *first > *last || *last - *first >= seeds_max)
    return fmt::format("FIRST:LAST such as 1:100, at most {} seeds", seeds_max);
  flags.seeds = {*first, *last};
  return std::nullopt;
}

struct FlagSpec {
  const char* name;
  const char* type;
  const char* help;
  Take take;
};

/// All choices of a kind, by the names that they have elsewhere.
template <class Choice, std::size_t count>
constexpr std::array<Named<Choice>, count> named(const std::array<Choice, count>& choices) {
  std::array<Named<Choice>, count> result{};
  for (std::size_t i = 0; i < count; ++i) result[i] = {name(choices[i]), choices[i]};
  return result;
}

constexpr auto spreads =
    named(std::array{sim::Spread::even, sim::Spread::zipf, sim::Spread::one_node, sim::Spread::burst});
constexpr auto schemes = named(std::array{sim::Scheme::gossip, sim::Scheme::split});
constexpr auto admissions = named(std::array{Admission::optimistic, Admission::guarded});
constexpr std::array<Named<Format>, 3> formats{
    {{"table", Format::table}, {"json", Format::json}, {"yaml", Format::yaml}}};

std::vector<FlagSpec> flag_specs() {
  return {
      {"--nodes", "N", "Nodes in the cluster [default: 10]",
       whole<std::size_t>(1, nodes_max, [](Simulate& f) -> std::size_t& { return f.experiment.nodes; })},
      {"--limit", "REQUESTS/WINDOW", "The limit that they hold together [default: 1000/1s]", take_limit},
      {"--load", "TIMES", "Requests offered to the cluster, in limits per window [default: 10x]", take_load},
      {"--spread", "even|zipf|one-node|burst",
       "Who gets them: even; zipf (node i has weight 1/i); one-node; burst (even, but all in the first tenth "
       "of "
       "the window) [default: even]",
       one_of(
           spreads, +[](Simulate& f) -> sim::Spread& { return f.experiment.spread; })},
      {"--delay", "TIME", "One way from node to node [default: 500us]",
       delay([](Simulate& f) -> Duration& { return f.experiment.link.delay; })},
      {"--jitter", "TIME", "Up to this much more, drawn evenly [default: 0us]",
       delay([](Simulate& f) -> Duration& { return f.experiment.link.jitter; })},
      {"--loss", "PERCENT", "Packets that vanish [default: 0%]", take_loss},
      {"--scheme", "gossip|split",
       "gossip, or for comparison split: limit / nodes each, without a word to the others [default: gossip]",
       one_of(
           schemes, +[](Simulate& f) -> sim::Scheme& { return f.experiment.scheme; })},
      {"--admission", "optimistic|guarded", "As in rules [default: optimistic]",
       one_of(
           admissions, +[](Simulate& f) -> Admission& { return f.experiment.admission; })},
      {"--sync", "SYNC", "adaptive, or for comparison a fixed interval such as 100ms [default: adaptive]",
       take_sync},
      {"--windows", "N", "Windows to measure, after one to warm up [default: 30]",
       whole<std::uint32_t>(1, windows_max,
                            [](Simulate& f) -> std::uint32_t& { return f.experiment.windows; })},
      {"--seed", "N", "Of everything random; the same seed gives the same result [default: 1]",
       whole<std::uint64_t>(0, std::numeric_limits<std::uint64_t>::max(),
                            [](Simulate& f) -> std::uint64_t& { return f.experiment.seed; })},
      {"--seeds", "FIRST:LAST", "With --chaos: one scenario for each of these seeds", take_seeds},
      {"-o,--output", "table|json|yaml", "How to show it [default: table]",
       one_of(
           formats, +[](Simulate& f) -> Format& { return f.format; })},
  };
}

/// What only shows when all flags are known.
void check_together(const Simulate& flags) {
  const sim::ExperimentOptions& options = flags.experiment;
  const double requests = static_cast<double>(options.limit.requests) * options.load;
  if (requests > requests_per_window_max)
    throw CLI::ValidationError(
        "--load", fmt::format("expected at most {:.0f} requests per window, found {} x {} of --limit",
                              requests_per_window_max, options.load, options.limit.requests));
  if (flags.seeds && !flags.chaos)
    throw CLI::ValidationError("--seeds",
                               "expected --chaos beside it, found none; an experiment has one --seed");
  if (flags.seeds && flags.is_given("--seed"))
    throw CLI::ValidationError("--seeds", "expected no --seed beside it, found one; give one of the two");
  for (const std::string& name : flags.given)
    if (flags.chaos && name != "--seed" && name != "--seeds")
      throw CLI::ValidationError(
          name, "expected only --seed or --seeds beside --chaos, which draws everything from the seed");
  if (options.scheme != sim::Scheme::split) return;
  for (const char* name : {"--sync", "--admission"})
    if (flags.is_given(name))
      throw CLI::ValidationError(
          name,
          "expected --scheme gossip beside it, found --scheme split, whose nodes tell each other nothing");
}

int run(const Simulate& flags) {
  if (flags.chaos)
    return flags.seeds ? run_chaos_band(flags.seeds->first, flags.seeds->second)
                       : tell_chaos(flags.experiment.seed);
  sim::ExperimentResult result;
  {
    ProgressBar bar;
    result = sim::Experiment(flags.experiment).run([&](double share) { bar.show(share); });
  }
  const Json document = simulation_json(flags.experiment, result);
  if (flags.format == Format::json) {
    fmt::print("{}\n", document.dump(2));
  } else {
    fmt::print("{}", flags.format == Format::yaml ? render_yaml(document) : render_simulation(document));
  }
  return 0;
}

}  // namespace

void add_simulate(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "simulate", "What will a cluster do? Real engines on a virtual network, before anyone deploys");
  const auto flags = std::make_shared<Simulate>();
  for (const FlagSpec& spec : flag_specs()) {
    const std::string_view names = spec.name;
    const std::string name(names.substr(names.rfind(',') + 1));
    command
        ->add_option_function<std::string>(
            spec.name,
            [flags, name, take = spec.take](const std::string& text) {
              flags->given.push_back(name);
              const auto expected = take(*flags, text);
              if (expected)
                throw CLI::ValidationError(
                    name, fmt::format("expected {}, found \"{}\"", *expected, printable(text)));
            },
            spec.help)
        ->type_name(spec.type);
  }
  command->add_flag(
      "--chaos", flags->chaos,
      "Instead: clusters with faults of all kinds, drawn from the seed, and checks at every step");
  command->footer(
      "over-admission: hits admitted beyond the limit in a window, in percent of the limit.\n"
      "false rejections: requests denied although the cluster as a whole was still below the limit, in "
      "percent of\n"
      "those offered in that window.\n"
      "convergence: from a hit's admission until every node knows of it. Far from the limit that is long on "
      "purpose\n"
      "(nobody needs to know yet); at the limit, with less than 10 % of it left, accuracy rests on it.\n"
      "packets and bytes: UDP datagrams sent, heartbeats included, and their payloads, without UDP and IP "
      "headers.\n"
      "Windows are measured from their beginning to their end, once all nodes know each other.\n"
      "Exit codes: 0 done, 1 a check of --chaos failed, 2 wrong usage.");
  command->callback([flags, &exit_code] {
    check_together(*flags);
    exit_code = run(*flags);
  });
}

}  // namespace starling::cli
