/// A bad setting is told in one line: how it was said, what was expected, what was found.
#include <doctest/doctest.h>

#include <map>
#include <string>
#include <vector>

#include "node/settings.hpp"

namespace starling {
namespace {

using Texts = std::map<std::string, std::string>;

SettingError refused(const Texts& flags, const Texts& variables, const std::vector<ConfigSetting>& file) {
  const Environment environment = [&](const char* variable) -> const char* {
    const auto found = variables.find(variable);
    return found == variables.end() ? nullptr : found->second.c_str();
  };
  const auto loaded = load_settings(flags, environment, file, "rules.yaml");
  REQUIRE_FALSE(loaded.has_value());
  const std::string& message = loaded.error().message;
  CAPTURE(message);
  for (const char c : message) CHECK((c >= ' ' && c <= '~'));
  CHECK(message.size() < 600);
  return loaded.error();
}

std::string by_flag(const std::string& name, const std::string& value) {
  const SettingError error = refused({{name, value}}, {}, {});
  CHECK(error.is_usage);
  return error.message;
}

TEST_SUITE("node.settings errors") {
  TEST_CASE("each flag's bad values are refused with what was expected and found") {
    struct Case {
      const char* name;
      std::vector<std::string> bad;
      const char* expected;
    };
    const std::vector<std::string> ports{"-1",  "65536", "x",    "80x", " 80",
                                         "80 ", "+80",   "0x50", "1e3", "8 0"};
    const std::string text_of_256(256, 'c');
    const Case cases[] = {
        {"bind",
         {"localhost", "127.0.0.256", "127.0.0.1:80", "[::1]", "", "fe80::1%lo"},
         "an address of this machine, such as 127.0.0.2, 0.0.0.0 or fd00::1, or `*` for all"},
        {"heartbeat-port", ports, "a port from 1 to 65535, or 0 for any free one"},
        {"sync-port", ports, "a port from 1 to 65535, or 0 for any free one"},
        {"http-port", ports, "a port from 1 to 65535, or 0 for any free one"},
        {"grpc-port", ports, "a port from 1 to 65535, or 0 for any free one"},
        {"grpc-max-connection-age",
         {"-1s", "25h", "never", ""},
         "a duration from 0s to 1d, such as 500ms, 5s or 1m"},
        {"admin-port", ports, "a port from 1 to 65535, or 0 for any free one"},
        {"cluster",
         {"", "a b", "a\tb", "caf\xc3\xa9", text_of_256},
         "1 to 255 printable ASCII characters without spaces"},
        {"node-name",
         {"a b", "a\nb", "\x7f", std::string(64, 'n')},
         "1 to 63 printable ASCII characters without spaces"},
        {"resolve-interval",
         {"99ms", "0s", "2d", "5", "-5s", "fast", ""},
         "a duration from 100ms to 1d, such as 500ms, 5s or 1m"},
        {"heartbeat-interval",
         {"19ms", "61s", "Auto", "", "1"},
         "`auto` or a duration from 20ms to 1m, such as 200ms or 1s"},
        {"sync-interval", {"9ms", "0s", "25h", "x"}, "a duration from 10ms to 1d, such as 500ms, 5s or 1m"},
        {"join-timeout", {"3601s", "-1s", ""}, "a duration from 0s to 1h, such as 500ms, 5s or 1m"},
        {"drain-timeout", {"2h", "x"}, "a duration from 0s to 1h, such as 500ms, 5s or 1m"},
        {"max-counters",
         {"0", "-1", "100000001", "1e6", "x", "1.5", ""},
         "a whole number from 1 to 100000000"},
        {"egress-limit",
         {"0", "100001", "1.5", "32MiB", ""},
         "a whole number of MiB per second from 1 to 100000"},
        {"trusted-hops", {"-1", "33", "1.5", "all", ""}, "a whole number of proxies from 0 to 32"},
        {"log-level", {"INFO", "verbose", "", "info "}, "trace, debug, info, warn or error"},
        {"log-denials", {"true", "ON", "", "on "}, "on or off"},
    };
    for (const Case& c : cases)
      for (const std::string& value : c.bad) {
        CAPTURE(c.name);
        CAPTURE(value);
        const std::string message = by_flag(c.name, value);
        const std::string start = std::string("--") + c.name + ": expected " + c.expected + ", found \"";
        CHECK(message.substr(0, start.size()) == start);
      }
  }

  TEST_CASE("the lists tell their own story behind the setting's name") {
    CHECK(by_flag("neighborhood-host", "a,,b") ==
          "--neighborhood-host: expected a name or an address as item 2, found nothing; remove the extra "
          "comma");
    CHECK(by_flag("dns-servers", "dns.example.")
              .starts_with("--dns-servers: expected the IP address of a DNS server"));
    CHECK(by_flag("neighborhood-host", "10.0.0.256")
              .starts_with("--neighborhood-host: expected a name or an address"));
  }

  TEST_CASE("a variable is named as it was set, in both spellings") {
    CHECK(refused({}, {{"STARLING_LOG_LEVEL", "loud"}}, {}).message ==
          "STARLING_LOG_LEVEL: expected trace, debug, info, warn or error, found \"loud\"");
    const SettingError dotted = refused({}, {{"policy.rate-limit.sync.port", "x"}}, {});
    CHECK(dotted.message.starts_with("policy.rate-limit.sync.port: expected a port"));
    CHECK(dotted.is_usage);
    CHECK(refused({}, {{"POLICY_RATE_LIMIT_SYNC_PORT", "x"}, {"policy.rate-limit.sync.port", "1"}}, {})
              .message.starts_with("POLICY_RATE_LIMIT_SYNC_PORT: expected a port"));
  }

  TEST_CASE("a value of the file is told with its place, and is no usage error") {
    for (const char* key : {"sync-port", "policy.rate-limit.sync.port"}) {
      const SettingError error = refused({}, {}, {{.key = key, .value = "x", .line = 7, .column = 3}});
      CHECK(error.message == std::string("rules.yaml:7:3: settings: ") + key +
                                 ": expected a port from 1 to 65535, or 0 for any free one, found \"x\"");
      CHECK_FALSE(error.is_usage);
    }
    const SettingError list =
        refused({}, {}, {{.key = "neighborhood.host", .value = "a b", .line = 7, .column = 3}});
    CHECK(list.message.starts_with("rules.yaml:7:3: settings: neighborhood.host: expected letters, digits"));
    CHECK_FALSE(list.is_usage);
  }

  TEST_CASE("a key of the file that names no setting is refused, with those that there are") {
    for (const char* key :
         {"sync_port", "Sync-Port", "", "STARLING_BIND", "sync-port ", "config", "sync.port"}) {
      CAPTURE(key);
      const SettingError error = refused({}, {}, {{.key = key, .value = "1", .line = 2, .column = 1}});
      CHECK(error.message.starts_with(std::string("rules.yaml:2:1: settings: unknown key \"") + key +
                                      "\"; expected one of: bind, neighborhood-host, heartbeat-port, "));
      CHECK_FALSE(error.is_usage);
    }
  }

  TEST_CASE("an unknown key is refused even when all that it might mean is said elsewhere") {
    CHECK(refused({{"sync-port", "1"}}, {}, {{.key = "syncport", .value = "1", .line = 2, .column = 1}})
              .message.find("unknown key \"syncport\"") != std::string::npos);
  }

  TEST_CASE("one setting under two names in the file is refused") {
    CHECK(refused({}, {},
                  {{.key = "sync-port", .value = "1", .line = 2, .column = 3},
                   {.key = "policy.rate-limit.sync.port", .value = "2", .line = 9, .column = 3}})
              .message ==
          "rules.yaml:9:3: settings: policy.rate-limit.sync.port is the same setting as sync-port in line 2; "
          "remove one "
          "of the two");
  }

  TEST_CASE("of several files, each setting is told with its own") {
    CHECK(refused({}, {}, {{.key = "sync-port", .value = "x", .line = 7, .column = 3, .file = "more.yaml"}})
              .message.starts_with("more.yaml:7:3: settings: sync-port: "));
    CHECK(
        refused(
            {}, {},
            {{.key = "sync-port", .value = "1", .line = 2, .column = 3, .file = "a.yaml"},
             {.key = "policy.rate-limit.sync.port", .value = "2", .line = 9, .column = 3, .file = "b.yaml"}})
            .message ==
        "b.yaml:9:3: settings: policy.rate-limit.sync.port is the same setting as sync-port in line "
        "2 of a.yaml; remove one of the two");
  }

  TEST_CASE("all faults of the files' settings can be told at once") {
    const std::vector<ConfigSetting> file{
        {.key = "sync-port", .value = "x", .line = 1, .column = 1, .file = "a"},
        {.key = "nope", .value = "1", .line = 2, .column = 1, .file = "a"},
        {.key = "config", .value = "b", .line = 3, .column = 1, .file = "a"},
        {.key = "log-level", .value = "info", .line = 4, .column = 1, .file = "a"}};
    const std::vector<std::string> faults = setting_faults(file);
    REQUIRE(faults.size() == 3);
    CHECK(faults[0].starts_with("a:2:1: settings: unknown key \"nope\"; expected one of: bind, "));
    CHECK(faults[1].starts_with("a:3:1: settings: unknown key \"config\""));
    CHECK(faults[2] ==
          "a:1:1: settings: sync-port: expected a port from 1 to 65535, or 0 for any free one, found \"x\"");
    CHECK(setting_faults({}).empty());
  }

  TEST_CASE("hostile text is shown cut and harmless") {
    CHECK(by_flag("log-level", "\x1b[31m\nx").ends_with("found \"?[31m?x\""));
    CHECK(by_flag("log-level", std::string(1'000'000, 'x')).size() < 200);
    CHECK(by_flag("headers", std::string(1'000'000, 'x') + "\n").size() < 300);
    CHECK(by_flag("headers", "ietf,draft") ==
          "--headers: expected none, or a list of ietf, x-ratelimit, spinnaker, kong, found \"draft\"");
    CHECK(by_flag("headers", "x-ratelimit,spinnaker")
              .starts_with("--headers: expected families that share no header"));
    CHECK(by_flag("attributes", "path," + std::string(1'000'000, 'x') + "\n").size() < 400);
    CHECK(by_flag("attributes", "principal=X Y").starts_with("--attributes: expected a header's name"));
    CHECK(refused({}, {}, {{.key = std::string(1'000'000, 'k') + "\n", .value = "1", .line = 2, .column = 1}})
              .message.size() < 600);
    CHECK(by_flag("bind", std::string("127.0.0.1\0x", 11)).ends_with("found \"127.0.0.1?x\""));
  }
}

}  // namespace
}  // namespace starling
