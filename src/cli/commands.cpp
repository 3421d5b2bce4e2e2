#include "cli/commands.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>
#include <starling/version.hpp>

#include <csignal>
#include <functional>
#include <memory>

#include "cli/output.hpp"
#include "cli/views.hpp"
#include "http/client.hpp"
#include "http/query.hpp"

namespace starling::cli {
namespace {

constexpr int exit_failed = 1;
constexpr int exit_denied = 3;

struct Common {
  std::string server = "http://127.0.0.1:9090";
  Format format = Format::table;
  bool watch = false;
  double interval_s = 1.0;
};

struct Check {
  std::string domain;
  std::uint32_t hits = 1;
  std::vector<std::string> entries;
};

int complain(std::string_view message) {
  fmt::print(stderr, "starling: {}\n", message);
  return exit_failed;
}

/// Asks the node; the answer is JSON whatever its status is.
tl::expected<Json, std::string> ask(const Common& common, const std::string& target) {
  auto url = http::parse_url(common.server);
  if (!url) return tl::unexpected(fmt::format("--server: {}", url.error()));
  url->target = target;
  const auto answer = http::fetch(*url);
  if (!answer) return tl::unexpected(answer.error());
  Json document = Json::parse(answer->body, nullptr, false);
  const bool expected_status = answer->status == 200 || answer->status == 429;
  if (!expected_status && document.contains("message"))
    return tl::unexpected(
        fmt::format("{} answered {}: {}", url->server(), answer->status, text_of(document, "message")));
  if (!expected_status || !document.is_object())
    return tl::unexpected(
        fmt::format("{} answered {} without the JSON that a Starling node sends; is it the admin port "
                    "of a node?",
                    url->server(), answer->status));
  return document;
}

volatile std::sig_atomic_t interrupted = 0;

void show(const Common& common, const Json& document, const std::function<std::string(const Json&)>& render) {
  switch (common.format) {
    case Format::json:
      fmt::print("{}\n", document.dump(2));
      break;
    case Format::yaml:
      fmt::print("{}", render_yaml(document));
      break;
    case Format::table:
    case Format::wide:
      fmt::print("{}", render(document));
      break;
  }
  std::fflush(stdout);
}

/// Asks and shows, once or until interrupted.
int run(const Common& common, const std::string& target,
        const std::function<std::string(const Json&)>& render,
        const std::function<int(const Json&)>& verdict) {
  if (!common.watch) {
    const auto document = ask(common, target);
    if (!document) return complain(document.error());
    show(common, *document, render);
    return verdict(*document);
  }
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);  // no SA_RESTART: it ends the pause as well
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  while (interrupted == 0) {
    const auto document = ask(common, target);
    if (terminal) fmt::print("\x1b[H\x1b[2J");
    if (document) {
      show(common, *document, render);
      if (!terminal) fmt::print("\n");
    } else {
      complain(document.error());  // the node may come back
    }
    std::fflush(stdout);
    if (interrupted == 0) poll(nullptr, 0, static_cast<int>(common.interval_s * 1000));
  }
  return 0;
}

void add_common(CLI::App& command, Common& common, bool can_watch) {
  static const std::map<std::string, Format> formats{
      {"table", Format::table}, {"wide", Format::wide}, {"json", Format::json}, {"yaml", Format::yaml}};
  command.add_option("--server", common.server, "Admin API of a node [default: http://127.0.0.1:9090]")
      ->type_name("URL")
      ->check(CLI::Validator(
          [](const std::string& text) {
            const auto url = http::parse_url(text);
            return url ? std::string() : url.error();
          },
          ""));
  // CLI11 would echo the map of a transform into help and errors.
  command
      .add_option_function<std::string>(
          "-o,--output", [&common](const std::string& text) { common.format = formats.at(text); },
          "table, wide, json or yaml [default: table]")
      ->type_name("FORMAT")
      ->check(CLI::Validator(
          [](const std::string& text) {
            return formats.contains(text)
                       ? std::string()
                       : fmt::format("expected table, wide, json or yaml, found \"{}\"", text);
          },
          ""));
  if (!can_watch) return;
  command.add_flag("-w,--watch", common.watch, "Show again and again, until Ctrl-C");
  command.add_option("--interval", common.interval_s, "Seconds between two showings [default: 1]")
      ->type_name("SECONDS")
      ->check(CLI::Range(0.1, 3600.0));
}

std::string check_target(const Check& check) {
  std::string target = "/v1/check";
  http::append_query_parameter(target, "explain", "1");
  http::append_query_parameter(target, "hits", std::to_string(check.hits));
  if (!check.domain.empty()) http::append_query_parameter(target, "domain", check.domain);
  for (const std::string& entry : check.entries) {
    const std::size_t equals = entry.find('=');
    http::append_query_parameter(target, entry.substr(0, equals), entry.substr(equals + 1));
  }
  return target;
}

int healthy(const Json& document) {
  return flag_of(document, "ready") ? 0 : exit_denied;
}

}  // namespace

void add_commands(CLI::App& app, int& exit_code) {
  CLI::App* peers = app.add_subcommand("peers", "Show the peers of a node");
  CLI::App* status =
      app.add_subcommand("status", "Show a node and what to do next; exit 3 if it is not ready");
  CLI::App* check =
      app.add_subcommand("check", "Ask a node about a request, and count it; exit 3 if it is denied");
  CLI::App* version_command = app.add_subcommand("version", "Show the version");

  // The callbacks outlive this function.
  const auto common = std::make_shared<Common>();
  const auto check_options = std::make_shared<Check>();
  add_common(*peers, *common, true);
  add_common(*status, *common, true);
  add_common(*check, *common, false);
  check->add_option("--hits", check_options->hits, "What the request costs; 0 only looks [default: 1]")
      ->type_name("N");
  check->add_option("--domain", check_options->domain, "Domain of the rules [default: that of the node]")
      ->type_name("NAME");
  check
      ->add_option("entries", check_options->entries, "What is known of the request, such as principal=alice")
      ->type_name("KEY=VALUE")
      ->required()
      ->check(CLI::Validator(
          [](const std::string& text) {
            const std::size_t equals = text.find('=');
            return equals == std::string::npos || equals == 0
                       ? fmt::format("expected KEY=VALUE, such as principal=alice, found \"{}\"", text)
                       : std::string();
          },
          ""));

  peers->callback([common, &exit_code] {
    exit_code = run(
        *common, "/v1/peers",
        [common](const Json& d) { return render_peers(d, common->format == Format::wide); },
        [](const Json&) { return 0; });
  });
  status->callback([common, &exit_code] { exit_code = run(*common, "/v1/status", render_status, healthy); });
  check->callback([common, check_options, &exit_code] {
    exit_code = run(*common, check_target(*check_options), render_check,
                    [](const Json& document) { return flag_of(document, "allowed") ? 0 : exit_denied; });
  });
  version_command->callback([] { fmt::print("starling {}\n", version); });
}

}  // namespace starling::cli
