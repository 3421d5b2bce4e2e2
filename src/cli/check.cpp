#include "cli/check.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "cli/asking.hpp"
#include "cli/check_view.hpp"
#include "http/query.hpp"

namespace starling::cli {
namespace {

struct Check {
  Asking asking;
  std::string domain;
  std::uint32_t hits = 1;
  std::vector<std::string> entries;
};

/// `target` with the request that is asked about.
std::string about(const Check& check, std::string target) {
  if (!check.domain.empty()) http::append_query_parameter(target, "domain", check.domain);
  for (const std::string& entry : check.entries) {
    const std::size_t equals = entry.find('=');
    http::append_query_parameter(target, entry.substr(0, equals), entry.substr(equals + 1));
  }
  return target;
}

/// Decides first: the counts that are shown have the request in them.
tl::expected<Json, std::string> get(const Check& check) {
  std::string target = "/v1/check";
  http::append_query_parameter(target, "explain", "1");
  http::append_query_parameter(target, "hits", std::to_string(check.hits));
  auto document = ask(check.asking, about(check, target));
  if (document && !member_of(*document, "allowed").is_boolean())
    return tl::unexpected(
        fmt::format("{} answered without a verdict; is it the admin port of a node?", check.asking.server));
  if (!document || !check.asking.wide()) return document;
  auto counters = ask(check.asking, about(check, "/v1/counters"));
  if (!counters) return counters;
  auto peers = ask(check.asking, "/v1/peers");
  if (!peers) return peers;
  (*document)["shares"] = shares_of(*counters, *peers);
  return document;
}

}  // namespace

void add_check(CLI::App& app, int& exit_code) {
  CLI::App* command = app.add_subcommand(
      "check", "Ask a node about a request, and count it; exit 3 if it is denied; -o wide: who counted what");
  const auto check = std::make_shared<Check>();  // the callback outlives this function
  add_asking(*command, check->asking, AsksFor::once);
  command->add_option("--hits", check->hits, "What the request costs; 0 only looks [default: 1]")
      ->type_name("N")
      ->check(expecting([](const std::string& text) {
        std::uint32_t hits = 0;
        const char* const last = text.data() + text.size();
        const auto [end, error] = std::from_chars(text.data(), last, hits);
        return error == std::errc{} && end == last
                   ? std::string()
                   : fmt::format("expected a whole number of 0 or more, found \"{}\"", printable(text));
      }));
  command->add_option("--domain", check->domain, "Domain of the rules [default: that of the node]")
      ->type_name("NAME");
  command->add_option("entries", check->entries, "What is known of the request, such as principal=alice")
      ->type_name("KEY=VALUE")
      ->required()
      ->check(expecting_entry());
  command->callback([check, &exit_code] {
    exit_code = run(
        check->asking, [check] { return get(*check); },
        [check](const Json& document) {
          return render_check(document, check->asking.wide(), check->asking.paint());
        },
        [](const Json& document) { return flag_of(document, "allowed") ? 0 : exit_denied; });
  });
}

}  // namespace starling::cli
