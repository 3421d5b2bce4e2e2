#include "cli/command_line.hpp"

#include <doctest/doctest.h>

#include <CLI/CLI.hpp>
#include <functional>

#include "cli/check.hpp"
#include "cli/command_tree.hpp"
#include "cli/commands.hpp"
#include "cli/live.hpp"
#include "cli/rules.hpp"
#include "cli/server_url.hpp"
#include "cli/top.hpp"

namespace starling::cli {
namespace {

TEST_SUITE("cli.command_line") {
  TEST_CASE("a slip of a letter or two is understood, and no more") {
    const std::vector<std::string> known{"peers", "status", "--server", "--watch"};
    CHECK(nearest("peerz", known) == "peers");
    CHECK(nearest("preers", known) == "peers");
    CHECK(nearest("sttaus", known) == "status");
    CHECK(nearest("--sevrer", known) == "--server");
    CHECK(nearest("--wach", known) == "--watch");
    CHECK(nearest("nothing", known).empty());
    CHECK(nearest("", known).empty());
    CHECK(nearest(std::string(100'000, 'x'), known).empty());
    CHECK(nearest("x", {}).empty());
  }

  TEST_CASE("no option of any command takes a secret, which `ps` would show") {
    CLI::App app;
    int exit_code = 0;
    add_commands(app, exit_code);
    add_check(app, exit_code);
    add_live(app, exit_code);
    add_rules(app, exit_code);
    add_top(app, exit_code);
    std::size_t looked_at = 0;
    const std::function<void(const CLI::App&)> look_at = [&](const CLI::App& command) {
      for (const CLI::Option* option : command.get_options())
        for (const std::string& name : option->get_lnames()) {
          ++looked_at;
          for (const char* secret : {"token", "key", "secret", "password"})
            if (name.find(secret) != std::string::npos) CHECK(name.ends_with("-file"));
        }
      for (const CLI::App* each : command.get_subcommands({})) look_at(*each);
    };
    look_at(app);
    CHECK(looked_at > 50);
  }

  TEST_CASE("only words are choices") {
    CHECK(choices_of("json|yaml") == std::vector<std::string>{"json", "yaml"});
    for (const char* other : {"FILE|DIR", "URL", "", "KEY=SOURCE|SOURCE,...", "text"})
      CHECK(choices_of(other).empty());
  }
}

TEST_SUITE("cli.server_url") {
  TEST_CASE("a host alone means the admin port; a URL means what it says") {
    for (const auto& [case_text, server] :
         std::vector<std::pair<const char*, const char*>>{{"127.0.0.1", "http://127.0.0.1:9090"},
                                                          {"node", "http://node:9090"},
                                                          {"node:8000", "http://node:8000"},
                                                          {"::1", "http://[::1]:9090"},
                                                          {"[::1]", "http://[::1]:9090"},
                                                          {"[::1]:8000", "http://[::1]:8000"},
                                                          {"fe80::1%eth0", "http://[fe80::1%eth0]:9090"},
                                                          {"http://node", "http://node:80"},
                                                          {"http://node:9090/", "http://node:9090"}}) {
      const auto& text = case_text;
      CAPTURE(text);
      const auto url = parse_server(text);
      REQUIRE(url);
      CHECK(url->server() == server);
    }
  }

  TEST_CASE("a password in it is refused, and not repeated") {
    for (const char* text : {"http://user:hunter2@node:9090/", "user:hunter2@node", "hunter2@node:9090",
                             "https://u:hunter2@node", "http://u:hunter2@node:port", "@node"}) {
      CAPTURE(text);
      const auto url = parse_server(text);
      REQUIRE_FALSE(url);
      CHECK(url.error().find("hunter2") == std::string::npos);
      CHECK(url.error().find("--token-file") != std::string::npos);
    }
  }

  TEST_CASE("what is neither is refused") {
    for (const char* text :
         {"", " ", "ftp://node", "https://node", "node:0", "node:70000", "a b", "[::1", ":9090", "\x1b[2J"}) {
      CAPTURE(text);
      const auto url = parse_server(text);
      REQUIRE_FALSE(url);
      CHECK(url.error().find("expected") != std::string::npos);
      CHECK(url.error().find('\x1b') == std::string::npos);
    }
  }
}

}  // namespace
}  // namespace starling::cli
