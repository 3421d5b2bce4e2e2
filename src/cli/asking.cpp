#include "cli/asking.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <csignal>
#include <map>
#include <utility>

#include "http/client.hpp"
#include "http/token_file.hpp"

namespace starling::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

/// Ours nest a handful deep. Much deeper ones would overflow the stack of whoever copies or prints them.
constexpr int nesting_max = 64;

/// Discarded if `text` is no JSON, or nests too deep to be a node's.
Json parse_answer(const std::string& text) {
  bool too_deep = false;
  const auto keep = [&](int depth, Json::parse_event_t, const Json&) {
    too_deep = too_deep || depth > nesting_max;
    return !too_deep;
  };
  Json document = Json::parse(text, keep, false);
  return too_deep ? Json(Json::value_t::discarded) : document;
}

tl::expected<Json, std::string> exchange(const Asking& asking, const std::string& target,
                                         const http::ClientOptions& options) {
  auto url = http::parse_url(asking.server);
  if (!url) return tl::unexpected(fmt::format("--server: {}", url.error()));
  url->target = target;
  const auto answer = http::fetch(*url, options);
  if (!answer) return tl::unexpected(answer.error());
  Json document = parse_answer(answer->body);
  const bool expected_status = answer->status == 200 || answer->status == 429;
  if (!expected_status && document.is_object() && document.contains("message"))
    return tl::unexpected(
        fmt::format("{} answered {}: {}", url->server(), answer->status, text_of(document, "message")));
  if (!expected_status || !document.is_object())
    return tl::unexpected(
        fmt::format("{} answered {} without the JSON that a Starling node sends; is it the admin port "
                    "of a node?",
                    url->server(), answer->status));
  return document;
}

void add_format(CLI::App& command, Asking& asking) {
  static const std::map<std::string, Format> formats{
      {"table", Format::table}, {"wide", Format::wide}, {"json", Format::json}, {"yaml", Format::yaml}};
  // CLI11 would echo the map of a transform into help and errors.
  command
      .add_option_function<std::string>(
          "-o,--output", [&asking](const std::string& text) { asking.format = formats.at(text); },
          "table, wide, json or yaml [default: table]")
      ->type_name("FORMAT")
      ->check(expecting([](const std::string& text) {
        return formats.contains(text) ? std::string()
                                      : fmt::format("expected table, wide, json or yaml, found \"{}\"", text);
      }));
}

}  // namespace

CLI::Validator expecting(std::function<std::string(const std::string&)> wrong) {
  return CLI::Validator([wrong = std::move(wrong)](const std::string& text) { return wrong(text); }, "");
}

CLI::Validator expecting_entry() {
  return expecting([](const std::string& text) {
    const std::size_t equals = text.find('=');
    return equals == std::string::npos || equals == 0
               ? fmt::format("expected KEY=VALUE, such as principal=alice, found \"{}\"", printable(text))
               : std::string();
  });
}

void add_asking(CLI::App& command, Asking& asking, AsksFor how) {
  command.add_option("--server", asking.server, "Admin API of a node [default: http://127.0.0.1:9090]")
      ->type_name("URL")
      ->check(expecting([](const std::string& text) {
        const auto url = http::parse_url(text);
        return url ? std::string() : url.error();
      }));
  add_format(command, asking);
  if (how == AsksFor::once) return;
  command.add_flag("-w,--watch", asking.watch, "Show again and again, until Ctrl-C");
  command.add_option("--interval", asking.interval_s, "Seconds between two showings [default: 1]")
      ->type_name("SECONDS")
      ->check(expecting([](const std::string& text) {
        double seconds = 0;
        const bool fits = CLI::detail::lexical_cast(text, seconds) && seconds >= 0.1 && seconds <= 3600;
        return fits ? std::string()
                    : fmt::format("expected seconds from 0.1 to 3600, such as 2, found \"{}\"",
                                  printable(text));
      }));
}

void add_telling(CLI::App& command, Asking& asking) {
  add_asking(command, asking, AsksFor::once);
  command
      .add_option("--token-file", asking.token_file,
                  "The node's --admin-token-file, to change it from another machine")
      ->type_name("FILE")
      ->envname("STARLING_ADMIN_TOKEN_FILE");
}

tl::expected<Json, std::string> ask(const Asking& asking, const std::string& target) {
  return exchange(asking, target, {});
}

tl::expected<Json, std::string> tell(const Asking& asking, std::string_view method, const std::string& target,
                                     const Json& body) {
  http::ClientOptions options{.method = std::string(method),
                              .headers = {{"Content-Type", "application/json"}},
                              .body = body.dump(-1, ' ', false, Json::error_handler_t::replace)};
  if (!asking.token_file.empty()) {
    const auto token = http::read_token_file(asking.token_file);
    if (!token) return tl::unexpected(fmt::format("--token-file: {}", token.error()));
    options.headers.emplace_back("Authorization", "Bearer " + *token);
  }
  return exchange(asking, target, options);
}

void show(const Asking& asking, const Json& document, const Render& render) {
  switch (asking.format) {
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

int run(const Asking& asking, const std::function<tl::expected<Json, std::string>()>& get,
        const Render& render, const std::function<int(const Json&)>& verdict) {
  if (!asking.watch) {
    const auto document = get();
    if (!document) return complain(document.error());
    show(asking, *document, render);
    return verdict(*document);
  }
  struct sigaction action {};
  action.sa_handler = [](int) { interrupted = 1; };
  sigaction(SIGINT, &action, nullptr);  // no SA_RESTART: it ends the pause as well
  const bool terminal = isatty(STDOUT_FILENO) == 1;
  while (interrupted == 0) {
    const auto document = get();
    if (terminal) fmt::print("\x1b[H\x1b[2J");
    if (document) {
      show(asking, *document, render);
      if (!terminal) fmt::print("\n");
    } else {
      complain(document.error());  // the node may come back
    }
    std::fflush(stdout);
    if (interrupted == 0) poll(nullptr, 0, static_cast<int>(asking.interval_s * 1000));
  }
  return 0;
}

int run(const Asking& asking, const std::string& target, const Render& render) {
  return run(
      asking, [&] { return ask(asking, target); }, render, [](const Json&) { return 0; });
}

int complain(std::string_view message) {
  fmt::print(stderr, "starling: {}\n", message);
  return exit_failed;
}

void warn(std::string_view message) {
  fmt::print(stderr, "starling: warning: {}\n", message);
}

}  // namespace starling::cli
