#include "cli/top.hpp"

#include <fmt/format.h>
#include <poll.h>

#include <array>
#include <memory>
#include <string_view>

#include "cli/asking.hpp"
#include "cli/top_view.hpp"
#include "http/query.hpp"

namespace starling::cli {
namespace {

constexpr std::array<std::string_view, 3> orders{"hits", "denied", "usage"};
constexpr std::uint32_t rows_max = 1000;  // what a node answers at most
/// Pauses before asking again: 300 ms in all. A name comes within a round trip, a large table takes longer.
constexpr int pauses_ms[] = {15, 35, 80, 170};

struct Flags {
  Asking asking;
  std::string rule;
  std::string by = "hits";
  std::uint32_t rows = 20;
};

std::string target_of(const Flags& flags) {
  std::string target = "/v1/top";
  if (!flags.rule.empty()) http::append_query_parameter(target, "rule", flags.rule);
  http::append_query_parameter(target, "by", flags.by);
  http::append_query_parameter(target, "n", std::to_string(flags.rows));
  return target;
}

bool will_know_more(const Json& document) {
  return !flag_of(document, "complete") || number_of(document, "asking") > 0;
}

tl::expected<Json, std::string> look(const Flags& flags) {
  const std::string target = target_of(flags);
  auto document = ask(flags.asking, target);
  for (const int pause_ms : pauses_ms) {
    if (!document || !will_know_more(*document)) break;
    poll(nullptr, 0, pause_ms);
    document = ask(flags.asking, target);
  }
  return document;
}

}  // namespace

void add_top(CLI::App& app, int& exit_code) {
  CLI::App* command =
      app.add_subcommand("top", "Show the hottest callers of the cluster, as this node sees them");
  const auto flags = std::make_shared<Flags>();  // the callback outlives this function
  add_asking(*command, flags->asking, AsksFor::watching);
  command->add_option("--rule", flags->rule, "Callers of this rule only")->type_name("NAME");
  command
      ->add_option("--by", flags->by,
                   "hits: counted in the current window; usage: share of the limit; denied: on this node "
                   "[default: hits]")
      ->type_name("hits|denied|usage")
      ->check(expecting_one_of(orders));
  command->add_option("-n", flags->rows, "How many [default: 20]")
      ->type_name("N")
      ->check(expecting([](const std::string& text) {
        const bool digits =
            !text.empty() && text.size() <= 4 && text.find_first_not_of("0123456789") == std::string::npos;
        const unsigned long rows = digits ? std::stoul(text) : 0;
        return rows >= 1 && rows <= rows_max
                   ? std::string()
                   : fmt::format("expected a number from 1 to {}, found \"{}\"", rows_max, printable(text));
      }));
  command->callback([flags, &exit_code] {
    exit_code = run(
        flags->asking, [flags] { return look(*flags); },
        [flags](const Json& d) { return render_top(d, flags->asking.wide(), flags->asking.paint()); },
        [](const Json&) { return 0; });
  });
}

}  // namespace starling::cli
