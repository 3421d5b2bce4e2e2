#include "cli/asking.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "cli/server_url.hpp"
#include "cli/standard_output.hpp"
#include "cli/watch.hpp"
#include "http/client.hpp"
#include "http/token_file.hpp"

namespace starling::cli {
namespace {

constexpr const char* server_variable = "STARLING_SERVER";

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
  auto url = parse_server(asking.server);
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

/// The words that an enumeration has, in its order, as --help and completion tell them.
constexpr std::array<std::string_view, 4> format_words{"table", "wide", "json", "yaml"};
constexpr std::array<std::string_view, 3> colour_words{"auto", "always", "never"};

/// An option that takes one of a few words.
template <class Choice, std::size_t count>
CLI::Option* add_choice(CLI::App& command, const std::string& names, Choice& into,
                        const std::array<std::string_view, count>& words, const std::string& help) {
  return command
      .add_option_function<std::string>(
          names,
          [&into, &words](const std::string& text) {
            into = static_cast<Choice>(std::find(words.begin(), words.end(), text) - words.begin());
          },
          help)
      ->type_name(fmt::format("{}", fmt::join(words, "|")))
      ->check(expecting_one_of(words));
}

std::string path_of(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? "" : path_of(*parent) + (parent->get_parent() ? " " : "") + command.get_name();
}

/// As `show` would print it.
std::string text_of_document(const Asking& asking, const Json& document, const Render& render,
                             int json_indent) {
  switch (asking.format) {
    case Format::json:
      return render_json(document, json_indent);
    case Format::yaml:
      return render_yaml(document);
    case Format::table:
    case Format::wide:
      break;
  }
  return render(document);
}

}  // namespace

CLI::Validator expecting(std::function<std::string(const std::string&)> wrong) {
  return CLI::Validator([wrong = std::move(wrong)](const std::string& text) { return wrong(text); }, "");
}

CLI::Validator expecting_one_of(std::span<const std::string_view> words) {
  return expecting([words](const std::string& text) {
    if (std::find(words.begin(), words.end(), text) != words.end()) return std::string();
    std::string all;
    for (std::size_t i = 0; i < words.size(); ++i)
      all += fmt::format("{}{}", i == 0 ? "" : i + 1 == words.size() ? " or " : ", ", words[i]);
    return fmt::format("expected {}, found \"{}\"", all, printable(text));
  });
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
  asking.title = path_of(command);
  command
      .add_option("--server", asking.server,
                  "Admin API of a node, or its host alone [default: http://127.0.0.1:9090]")
      ->type_name("URL")
      ->envname(server_variable)
      ->check(expecting([](const std::string& text) {
        const auto url = parse_server(text);
        const char* const variable = std::getenv(server_variable);
        const bool from_variable = !url && variable != nullptr && text == variable;
        return url ? std::string()
                   : fmt::format("{}{}", from_variable ? "STARLING_SERVER: " : "", url.error());
      }));
  add_choice(command, "-o,--output", asking.format, format_words, "How to show it [default: table]");
  add_choice(command, "--color", asking.colour, colour_words,
             "Colours; auto: on a terminal without NO_COLOR [default: auto]");
  command.add_flag_callback(
      "--no-color", [&asking] { asking.colour = ColourChoice::never; }, "--color never");
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

Paint Asking::paint() const {
  return Paint(
      wants_colour(colour, is_output_a_terminal(), [](const char* name) { return std::getenv(name); }));
}

int show(const Asking& asking, const Json& document, const Render& render, int code) {
  constexpr int indent = 2;
  return put(text_of_document(asking, document, render, indent)) ? code : exit_failed;
}

int run(const Asking& asking, const std::function<tl::expected<Json, std::string>()>& get,
        const Render& render, const std::function<int(const Json&)>& verdict) {
  if (!asking.watch) {
    const auto document = get();
    if (!document) return complain(document.error());
    return show(asking, *document, render, verdict(*document));
  }
  const bool one_line = asking.format == Format::json && !is_output_a_terminal();
  return run(Watch{.title = asking.title,
                   .server = asking.server,
                   .interval_s = asking.interval_s,
                   .format = asking.format,
                   .paint = asking.paint(),
                   .get = get,
                   .text = [&](const Json& document) {
                     return text_of_document(asking, document, render, one_line ? -1 : 2);
                   }});
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
