#include "node/settings.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace starling {
namespace {

using std::chrono::milliseconds;
using Texts = std::map<std::string, std::string>;

struct Said {
  Texts flags;
  Texts environment;
  std::vector<ConfigSetting> file;
};

tl::expected<LoadedSettings, SettingError> load(const Said& said) {
  const Environment environment = [&said](const char* variable) -> const char* {
    const auto found = said.environment.find(variable);
    return found == said.environment.end() ? nullptr : found->second.c_str();
  };
  return load_settings(said.flags, environment, said.file, "rules.yaml");
}

Settings settings_of(const Said& said) {
  const auto loaded = load(said);
  if (!loaded) FAIL(loaded.error().message);
  return loaded->settings;
}

SettingError error_of(const Said& said) {
  const auto loaded = load(said);
  REQUIRE_FALSE(loaded.has_value());
  const std::string& message = loaded.error().message;
  CAPTURE(message);
  CHECK(message.find('\n') == std::string::npos);
  CHECK(message.size() < 600);
  return loaded.error();
}

ConfigSetting in_file(std::string key, std::string value, int line = 3) {
  return ConfigSetting{.key = std::move(key), .value = std::move(value), .line = line, .column = 5};
}

SettingView view_of(const Said& said, std::string_view name) {
  const auto loaded = load(said);
  REQUIRE(loaded);
  for (const SettingView& view : loaded->views)
    if (view.name == name) return view;
  FAIL("no such setting");
  return {};
}

TEST_SUITE("node.settings") {
  TEST_CASE("with nothing said, every setting has its documented default") {
    const Settings settings = settings_of({});
    CHECK(settings.config.empty());
    CHECK_FALSE(settings.bind.has_value());
    CHECK(settings.neighborhood_host.empty());
    CHECK(settings.neighbors.empty());
    CHECK(settings.heartbeat_port == 4291);
    CHECK(settings.sync_port == 4290);
    CHECK(settings.http_port == 8080);
    CHECK(settings.grpc_port == 8081);
    CHECK(settings.grpc_max_connection_age == std::chrono::minutes(30));
    CHECK(settings.admin_port == 9090);
    CHECK(settings.cluster == "starling");
    CHECK(settings.node_name.empty());
    CHECK(settings.dns_servers.empty());
    CHECK(settings.resolve_interval == milliseconds(5000));
    CHECK_FALSE(settings.heartbeat_interval.has_value());
    CHECK(settings.sync_interval == milliseconds(500));
    CHECK(settings.join_timeout == milliseconds(2000));
    CHECK(settings.drain_timeout == milliseconds(10'000));
    CHECK(settings.max_counters == 1'000'000);
    CHECK(settings.egress_mib_per_s == 32);
    CHECK(settings.headers == header_families_default);
    CHECK(settings.attributes.empty());
    CHECK(settings.trusted_hops == 0);
    CHECK(settings.log_level == LogLevel::info);
    CHECK_FALSE(settings.log_denials);
  }

  TEST_CASE("no setting is a secret, which `ps` would show: only files are named that hold one") {
    for (const SettingSpec& spec : setting_specs())
      for (const std::string_view secret : {"token", "key", "secret", "password"})
        if (spec.name.find(secret) != std::string_view::npos) CHECK(spec.name.ends_with("-file"));
  }

  TEST_CASE("names are unique among flags, dotted names and variables, and each default is a good value") {
    std::vector<std::string_view> names;
    for (const SettingSpec& spec : setting_specs()) {
      CAPTURE(spec.name);
      CHECK_FALSE(spec.help.empty());
      CHECK_FALSE(spec.value_name.empty());
      for (const std::string_view name : {spec.name, spec.dotted_name, spec.environment})
        if (!name.empty()) names.push_back(name);
      Settings settings;
      if (!spec.fallback.empty()) CHECK_FALSE(spec.read(spec.fallback, settings).has_value());
    }
    std::sort(names.begin(), names.end());
    CHECK(std::adjacent_find(names.begin(), names.end()) == names.end());
    CHECK(setting_specs().front().name == "config");
  }

  TEST_CASE("a flag beats the environment, which beats the file, which beats the default") {
    Said said;
    CHECK(settings_of(said).sync_port == 4290);
    CHECK(view_of(said, "sync-port").source == SettingSource::fallback);
    said.file = {in_file("sync-port", "1")};
    CHECK(settings_of(said).sync_port == 1);
    CHECK(view_of(said, "sync-port").source == SettingSource::file);
    said.environment = {{"POLICY_RATE_LIMIT_SYNC_PORT", "2"}};
    CHECK(settings_of(said).sync_port == 2);
    CHECK(view_of(said, "sync-port").source == SettingSource::environment);
    said.flags = {{"sync-port", "3"}};
    CHECK(settings_of(said).sync_port == 3);
    CHECK(view_of(said, "sync-port").source == SettingSource::flag);
    CHECK(view_of(said, "sync-port").value == "3");
  }

  TEST_CASE("Azure's dotted names work in the file and in the environment, behind the UPPER_SNAKE ones") {
    CHECK(settings_of({.file = {in_file("policy.rate-limit.sync.port", "1")}}).sync_port == 1);
    CHECK(settings_of({.file = {in_file("neighborhood.heartbeat.port", "2")}}).heartbeat_port == 2);
    CHECK(settings_of({.file = {in_file("neighborhood.host", "a,b")}}).neighborhood_host == "a,b");
    CHECK(settings_of({.environment = {{"policy.rate-limit.sync.port", "1"}}}).sync_port == 1);
    CHECK(settings_of({.environment = {{"neighborhood.heartbeat.port", "2"}}}).heartbeat_port == 2);
    CHECK(settings_of({.environment = {{"neighborhood.host", "c"}}}).neighborhood_host == "c");
    CHECK(settings_of({.environment = {{"NEIGHBORHOOD_HOST", "d"}, {"neighborhood.host", "c"}}})
              .neighborhood_host == "d");
    CHECK(settings_of({.environment = {{"NEIGHBORHOOD_HEARTBEAT_PORT", "7"}}}).heartbeat_port == 7);
  }

  TEST_CASE("an empty variable is not set; an empty flag is") {
    CHECK(settings_of({.environment = {{"POLICY_RATE_LIMIT_SYNC_PORT", ""}, {"STARLING_BIND", ""}}})
              .sync_port == 4290);
    CHECK(settings_of({.environment = {{"NEIGHBORHOOD_HOST", ""}, {"neighborhood.host", "c"}}})
              .neighborhood_host == "c");
    CHECK(settings_of({.flags = {{"neighborhood-host", ""}}, .environment = {{"NEIGHBORHOOD_HOST", "d"}}})
              .neighborhood_host.empty());
    CHECK(error_of({.flags = {{"sync-port", ""}}}).message ==
          "--sync-port: expected a port from 1 to 65535, or 0 for any free one, found \"\"");
  }

  TEST_CASE("every kind of value is read") {
    const Settings settings = settings_of({.flags = {{"config", "rules.yaml"},
                                                     {"bind", "127.0.0.2"},
                                                     {"cluster", "blue"},
                                                     {"node-name", "n1"},
                                                     {"dns-servers", "10.0.0.10,[fd00::10]:54"},
                                                     {"resolve-interval", "100ms"},
                                                     {"heartbeat-interval", "20ms"},
                                                     {"sync-interval", "10ms"},
                                                     {"join-timeout", "0s"},
                                                     {"drain-timeout", "1h"},
                                                     {"max-counters", "1"},
                                                     {"egress-limit", "100000"},
                                                     {"headers", "kong,ietf"},
                                                     {"attributes", "path,principal=X-Api-Key"},
                                                     {"trusted-hops", "32"},
                                                     {"log-level", "error"},
                                                     {"log-denials", "on"},
                                                     {"http-port", "0"},
                                                     {"grpc-port", "1"},
                                                     {"grpc-max-connection-age", "0s"},
                                                     {"admin-port", "65535"}}});
    CHECK(settings.config == "rules.yaml");
    CHECK(settings.bind == Address::v4(127, 0, 0, 2));
    CHECK(settings.cluster == "blue");
    CHECK(settings.node_name == "n1");
    CHECK(settings.dns_servers.size() == 2);
    CHECK(settings.resolve_interval == milliseconds(100));
    CHECK(settings.heartbeat_interval == milliseconds(20));
    CHECK(settings.sync_interval == milliseconds(10));
    CHECK(settings.join_timeout == milliseconds(0));
    CHECK(settings.drain_timeout == milliseconds(3'600'000));
    CHECK(settings.max_counters == 1);
    CHECK(settings.egress_mib_per_s == 100'000);
    CHECK(settings.headers == HeaderFamilies().with(HeaderFamily::ietf).with(HeaderFamily::kong));
    CHECK(settings.attributes == AttributeMap::parse("path=@path,principal=X-Api-Key").value());
    CHECK(settings.trusted_hops == 32);
    CHECK(settings.log_level == LogLevel::error);
    CHECK(settings.log_denials);
    CHECK(settings.http_port == 0);
    CHECK(settings.grpc_port == 1);
    CHECK(settings.grpc_max_connection_age == milliseconds(0));
    CHECK(settings.admin_port == 65'535);
    CHECK(settings_of({.flags = {{"bind", "::"}}}).bind == Address{});
    CHECK_FALSE(settings_of({.flags = {{"bind", "*"}}}).bind.has_value());
    CHECK_FALSE(settings_of({.flags = {{"heartbeat-interval", "auto"}}}).heartbeat_interval.has_value());
  }

  TEST_CASE("neighbors without a port of their own get the heartbeat port, whoever said it") {
    const std::string hosts = "peers.svc.,10.0.0.1,10.0.0.2:5000,fd00::1";
    const auto ports = [](const Settings& settings) {
      std::vector<int> result;
      for (const Neighbor& neighbor : settings.neighbors) result.push_back(neighbor.port);
      return result;
    };
    CHECK(ports(settings_of({.flags = {{"neighborhood-host", hosts}}})) ==
          std::vector<int>{4291, 4291, 5000, 4291});
    CHECK(ports(settings_of({.flags = {{"neighborhood-host", hosts}},
                             .environment = {{"NEIGHBORHOOD_HEARTBEAT_PORT", "7"}}})) ==
          std::vector<int>{7, 7, 5000, 7});
    // A node on any free port cannot mean that its peers are there, too.
    CHECK(ports(settings_of({.flags = {{"neighborhood-host", hosts}, {"heartbeat-port", "0"}}})) ==
          std::vector<int>{4291, 4291, 5000, 4291});
  }

  TEST_CASE("the effective settings are listed in the order of the table, each with its text and source") {
    const auto loaded = load({.flags = {{"cluster", "blue"}}, .file = {in_file("log-level", "warn")}});
    REQUIRE(loaded);
    REQUIRE(loaded->views.size() == setting_specs().size());
    for (std::size_t i = 0; i < loaded->views.size(); ++i)
      CHECK(loaded->views[i].name == setting_specs()[i].name);
    CHECK(name(SettingSource::flag) == "flag");
    CHECK(name(SettingSource::environment) == "environment");
    CHECK(name(SettingSource::file) == "file");
    CHECK(name(SettingSource::fallback) == "default");
  }

  TEST_CASE("the path of the file comes from the flag or the environment, and from nowhere else") {
    const auto path = [](const Texts& flags, const Texts& variables) {
      return config_path(flags, [&](const char* variable) -> const char* {
        const auto found = variables.find(variable);
        return found == variables.end() ? nullptr : found->second.c_str();
      });
    };
    CHECK(path({}, {}).empty());
    CHECK(path({}, {{"STARLING_CONFIG", "a"}}) == "a");
    CHECK(path({{"config", "b"}}, {{"STARLING_CONFIG", "a"}}) == "b");
    CHECK(path({{"config", ""}}, {{"STARLING_CONFIG", "a"}}).empty());
    CHECK(error_of({.file = {in_file("config", "other.yaml")}}).message.find("unknown key \"config\"") !=
          std::string::npos);
  }
}

}  // namespace
}  // namespace starling
