#include "node/settings.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "base/shown_text.hpp"
#include "limiter/duration_text.hpp"

namespace starling {
namespace {

using std::chrono::milliseconds;
using Expected = std::optional<std::string>;  // nothing: it was as expected
using std::chrono::hours;

constexpr std::size_t name_bytes_max = 63;  // of a node, as in a heartbeat
constexpr std::size_t cluster_bytes_max = 255;
constexpr std::uint32_t max_counters_max = 100'000'000;
constexpr std::uint32_t egress_limit_mib_max = 100'000;

template <class Number>
bool read_number(std::string_view text, Number min, Number max, Number& out) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size() || number < min || number > max) return false;
  out = number;
  return true;
}

template <std::uint16_t Settings::*field>
Expected read_port(std::string_view text, Settings& settings) {
  if (read_number<std::uint16_t>(text, 0, 65535, settings.*field)) return {};
  return "a port from 1 to 65535, or 0 for any free one";
}

bool read_interval(std::string_view text, milliseconds min, milliseconds max, milliseconds& out) {
  const auto duration = parse_duration(text);
  if (!duration || *duration < min || *duration > max) return false;
  out = *duration;
  return true;
}

template <milliseconds Settings::*field, std::int64_t min_ms, std::int64_t max_ms>
Expected read_duration(std::string_view text, Settings& settings) {
  if (read_interval(text, milliseconds(min_ms), milliseconds(max_ms), settings.*field)) return {};
  return fmt::format("a duration from {} to {}, such as 500ms, 5s or 1m",
                     format_duration(milliseconds(min_ms)), format_duration(milliseconds(max_ms)));
}

bool is_name(std::string_view text, std::size_t bytes_max) {
  return !text.empty() && text.size() <= bytes_max &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7F; });
}

Expected read_config(std::string_view text, Settings& settings) {
  settings.config = text;
  return {};
}

Expected read_admin_token_file(std::string_view text, Settings& settings) {
  settings.admin_token_file = text;
  return {};
}

Expected read_key_file_path(std::string_view text, Settings& settings) {
  settings.key_file = text;
  return {};
}

Expected read_bind(std::string_view text, Settings& settings) {
  settings.bind = std::nullopt;
  if (text == "*") return {};
  settings.bind = Address::parse(text);
  if (settings.bind) return {};
  return "an address of this machine, such as 127.0.0.2, 0.0.0.0 or fd00::1, or `*` for all";
}

Expected read_neighborhood(std::string_view text, Settings& settings) {
  // The default port comes from another setting, so the list is read again when all settings are known.
  const auto neighbors = parse_neighborhood(text, 0);
  if (!neighbors) return neighbors.error();
  settings.neighborhood_host = text;
  return {};
}

Expected read_dns_servers(std::string_view text, Settings& settings) {
  auto servers = parse_dns_servers(text);
  if (!servers) return servers.error();
  settings.dns_servers = std::move(*servers);
  return {};
}

Expected read_http_listen(std::string_view text, Settings& settings) {
  auto addresses = parse_unix_addresses(text);
  if (!addresses) return addresses.error();
  settings.http_listen = std::move(*addresses);
  return {};
}

Expected read_cluster(std::string_view text, Settings& settings) {
  settings.cluster = text;
  if (is_name(text, cluster_bytes_max)) return {};
  return fmt::format("1 to {} printable ASCII characters without spaces", cluster_bytes_max);
}

Expected read_node_name(std::string_view text, Settings& settings) {
  settings.node_name = text;
  if (text.empty() || is_name(text, name_bytes_max)) return {};
  return fmt::format("1 to {} printable ASCII characters without spaces", name_bytes_max);
}

Expected read_heartbeat_interval(std::string_view text, Settings& settings) {
  settings.heartbeat_interval = std::nullopt;
  if (text == "auto") return {};
  milliseconds interval{};
  if (!read_interval(text, milliseconds(20), milliseconds(60'000), interval))
    return "`auto` or a duration from 20ms to 1m, such as 200ms or 1s";
  settings.heartbeat_interval = interval;
  return {};
}

Expected read_max_counters(std::string_view text, Settings& settings) {
  if (read_number<std::uint32_t>(text, 1, max_counters_max, settings.max_counters)) return {};
  return fmt::format("a whole number from 1 to {}", max_counters_max);
}

Expected read_egress_limit(std::string_view text, Settings& settings) {
  if (read_number<std::uint32_t>(text, 1, egress_limit_mib_max, settings.egress_mib_per_s)) return {};
  return fmt::format("a whole number of MiB per second from 1 to {}", egress_limit_mib_max);
}

Expected read_headers(std::string_view text, Settings& settings) {
  const auto families = HeaderFamilies::parse(text);
  if (!families) return families.error();
  settings.headers = *families;
  return {};
}

Expected read_attributes(std::string_view text, Settings& settings) {
  auto attributes = AttributeMap::parse(text);
  if (!attributes) return attributes.error();
  settings.attributes = std::move(*attributes);
  return {};
}

Expected read_trusted_hops(std::string_view text, Settings& settings) {
  if (read_number<std::uint8_t>(text, 0, trusted_hops_max, settings.trusted_hops)) return {};
  return fmt::format("a whole number of proxies from 0 to {}", trusted_hops_max);
}

Expected read_log_level(std::string_view text, Settings& settings) {
  constexpr std::array<std::string_view, 5> levels{"trace", "debug", "info", "warn", "error"};
  const auto found = std::find(levels.begin(), levels.end(), text);
  if (found == levels.end()) return "trace, debug, info, warn or error";
  settings.log_level = static_cast<LogLevel>(found - levels.begin());
  return {};
}

Expected read_log_format(std::string_view text, Settings& settings) {
  if (text != "text" && text != "json") return "text or json";
  settings.log_format = text == "json" ? LogFormat::json : LogFormat::text;
  return {};
}

Expected read_log_denials(std::string_view text, Settings& settings) {
  if (text != "on" && text != "off") return "on or off";
  settings.log_denials = text == "on";
  return {};
}

constexpr std::int64_t day_ms = 86'400'000;

constexpr std::array specs{
    SettingSpec{"config", "", "STARLING_CONFIG", "FILE|DIR", "",
                "Rules and settings in YAML, or a directory of such files. Without: each `principal` may "
                "make 100 requests per 10s",
                read_config},
    SettingSpec{"bind", "", "STARLING_BIND", "ADDRESS", "*",
                "Address for all ports; * is every one, IPv6 and IPv4", read_bind},
    SettingSpec{
        "neighborhood-host", "neighborhood.host", "NEIGHBORHOOD_HOST", "NAME,...", "",
        "DNS name (usually of a headless Service) or addresses of all nodes. Without: a cluster of one",
        read_neighborhood},
    SettingSpec{"heartbeat-port", "neighborhood.heartbeat.port", "NEIGHBORHOOD_HEARTBEAT_PORT", "PORT",
                "4291", "UDP port for heartbeats", read_port<&Settings::heartbeat_port>},
    SettingSpec{"sync-port", "policy.rate-limit.sync.port", "POLICY_RATE_LIMIT_SYNC_PORT", "PORT", "4290",
                "UDP port for counts", read_port<&Settings::sync_port>},
    SettingSpec{"http-port", "", "STARLING_HTTP_PORT", "PORT", "8080", "TCP port of the check API",
                read_port<&Settings::http_port>},
    SettingSpec{
        "http-listen", "", "STARLING_HTTP_LISTEN", "unix:PATH,...", "",
        "Unix domain sockets of the check API, beside the port; unix:PATH?mode=0660 keeps other users out",
        read_http_listen},
    SettingSpec{"grpc-port", "", "STARLING_GRPC_PORT", "PORT", "8081",
                "TCP port of Envoy's Rate Limit Service, gRPC over HTTP/2", read_port<&Settings::grpc_port>},
    SettingSpec{"grpc-max-connection-age", "", "STARLING_GRPC_MAX_CONNECTION_AGE", "DURATION", "30m",
                "gRPC clients are sent to connect anew after this long, give or take a tenth; 0s is never",
                read_duration<&Settings::grpc_max_connection_age, 0, day_ms>},
    SettingSpec{"admin-port", "", "STARLING_ADMIN_PORT", "PORT", "9090", "TCP port of the admin API",
                read_port<&Settings::admin_port>},
    SettingSpec{
        "admin-token-file", "", "STARLING_ADMIN_TOKEN_FILE", "FILE", "",
        "One secret line; whoever shows it may change things from other machines. Without: only clients "
        "on this machine may",
        read_admin_token_file},
    SettingSpec{"cluster", "", "STARLING_CLUSTER", "NAME", "starling",
                "Nodes with different cluster names ignore each other", read_cluster},
    SettingSpec{
        "key-file", "", "STARLING_KEY_FILE", "FILE", "",
        "Keys that gossip is sealed with, one a line (`starling keygen` makes one): the first is sent with, "
        "all are accepted. Without: gossip is not encrypted",
        read_key_file_path},
    SettingSpec{"node-name", "", "STARLING_NODE_NAME", "NAME", "",
                "Shown to people. Without: the host's name", read_node_name},
    SettingSpec{"dns-servers", "", "STARLING_DNS_SERVERS", "ADDRESS[:PORT],...", "",
                "Without: those of resolv.conf", read_dns_servers},
    SettingSpec{"resolve-interval", "", "STARLING_RESOLVE_INTERVAL", "DURATION", "5s",
                "Between look-ups of the neighborhood",
                read_duration<&Settings::resolve_interval, 100, day_ms>},
    SettingSpec{"heartbeat-interval", "", "STARLING_HEARTBEAT_INTERVAL", "DURATION", "auto",
                "Between heartbeats; auto is 200ms below 50 nodes, else 1s", read_heartbeat_interval},
    SettingSpec{"sync-interval", "", "STARLING_SYNC_INTERVAL", "DURATION", "500ms",
                "Longest time that counts far from their limit stay untold",
                read_duration<&Settings::sync_interval, 10, day_ms>},
    SettingSpec{"join-timeout", "", "STARLING_JOIN_TIMEOUT", "DURATION", "2s",
                "Ready after this long even if some peers' counts are missing",
                read_duration<&Settings::join_timeout, 0, 3'600'000>},
    SettingSpec{"drain-timeout", "", "STARLING_DRAIN_TIMEOUT", "DURATION", "10s",
                "On SIGTERM: for clients to finish and peers to confirm our counts",
                read_duration<&Settings::drain_timeout, 0, 3'600'000>},
    SettingSpec{"max-counters", "", "STARLING_MAX_COUNTERS", "N", "1000000",
                "Counters kept at most; one is one principal in one window of one limit", read_max_counters},
    SettingSpec{"egress-limit", "", "STARLING_EGRESS_LIMIT", "MIB", "32",
                "MiB per second of gossip; above it urgent counts go first, then acks, repair and the rest",
                read_egress_limit},
    SettingSpec{"headers", "", "STARLING_HEADERS", "FAMILY,...", header_families_default_text,
                "Headers of the check API's answers: ietf, x-ratelimit, spinnaker, kong, or none",
                read_headers},
    SettingSpec{"attributes", "", "STARLING_ATTRIBUTES", "KEY=SOURCE|SOURCE,...", "none",
                "What rules can match beside the query of a check: sources are headers of the request, or "
                "@client_ip, @method, @host, @path, @scheme",
                read_attributes},
    SettingSpec{"trusted-hops", "", "STARLING_TRUSTED_HOPS", "N", "0",
                "Proxies before the node that add to X-Forwarded-For: @client_ip is the Nth value from the "
                "right. With 0 it is who is connected",
                read_trusted_hops},
    SettingSpec{"log-level", "", "STARLING_LOG_LEVEL", "trace|debug|info|warn|error", "info",
                "How much to log", read_log_level},
    SettingSpec{
        "log-format", "", "STARLING_LOG_FORMAT", "text|json", "text",
        "How log lines look; json is one object a line with ts, level, msg, node and what it is about",
        read_log_format},
    SettingSpec{"log-denials", "", "STARLING_LOG_DENIALS", "on|off", "off",
                "Log a line, at info, when a limit first denies a principal in a window", read_log_denials},
};

std::string place_of(const ConfigSetting& setting, const std::string& file_name) {
  return fmt::format("{}:{}:{}", setting.file.empty() ? file_name : setting.file, setting.line,
                     setting.column);
}

struct Given {
  std::string text;
  SettingSource source = SettingSource::fallback;
  std::string
      said_as;  // how the person said it: "--sync-port", "NEIGHBORHOOD_HOST", "rules.yaml:3:5: sync-port"
};

std::optional<Given> from_environment(const SettingSpec& spec, const Environment& environment) {
  for (const std::string_view variable : {spec.environment, spec.dotted_name}) {
    if (variable.empty()) continue;
    const std::string name_text(variable);
    const char* value = environment(name_text.c_str());
    // An empty variable is how manifests say "not set".
    if (value != nullptr && *value != '\0') return Given{value, SettingSource::environment, name_text};
  }
  return std::nullopt;
}

bool names(const SettingSpec& spec, std::string_view key) {
  return key == spec.name || (!spec.dotted_name.empty() && key == spec.dotted_name);
}

Given given(const SettingSpec& spec, const std::map<std::string, std::string>& flags,
            const Environment& environment, std::span<const ConfigSetting> file,
            const std::string& file_name) {
  const auto flag = flags.find(std::string(spec.name));
  if (flag != flags.end()) return Given{flag->second, SettingSource::flag, fmt::format("--{}", spec.name)};
  if (auto variable = from_environment(spec, environment)) return *variable;
  for (const ConfigSetting& setting : file)
    if (names(spec, setting.key))
      return Given{setting.value, SettingSource::file,
                   fmt::format("{}: settings: {}", place_of(setting, file_name), setting.key)};
  return Given{std::string(spec.fallback), SettingSource::fallback, std::string(spec.name)};
}

/// Each key of the file that names no setting, or one that an earlier key has named already.
std::vector<std::string> key_faults(std::span<const ConfigSetting> file, const std::string& file_name) {
  std::vector<std::string> faults;
  std::map<std::string_view, const ConfigSetting*> said;
  for (const ConfigSetting& setting : file) {
    const std::string place = place_of(setting, file_name);
    const auto spec =
        std::find_if(specs.begin(), specs.end(), [&](const SettingSpec& s) { return names(s, setting.key); });
    if (spec == specs.end() || spec->name == "config") {
      std::string known;
      for (const SettingSpec& s : specs)
        if (s.name != "config") known += fmt::format("{}{}", known.empty() ? "" : ", ", s.name);
      faults.push_back(fmt::format("{}: settings: unknown key {}; expected one of: {}", place,
                                   quoted(setting.key), known));
      continue;
    }
    const auto [first, fresh] = said.emplace(spec->name, &setting);
    if (fresh) continue;
    const std::string elsewhere =
        first->second->file == setting.file ? "" : fmt::format(" of {}", first->second->file);
    faults.push_back(
        fmt::format("{}: settings: {} is the same setting as {} in line {}{}; remove one of the two", place,
                    setting.key, first->second->key, first->second->line, elsewhere));
  }
  return faults;
}

/// The readers of lists tell what was found themselves.
std::string value_fault(std::string_view said_as, std::string_view wrong, std::string_view text) {
  if (wrong.starts_with("expected ")) return fmt::format("{}: {}", said_as, wrong);
  return fmt::format("{}: expected {}, found {}", said_as, wrong, quoted(text));
}

}  // namespace

std::span<const SettingSpec> setting_specs() {
  return specs;
}

std::string_view name(SettingSource source) {
  switch (source) {
    case SettingSource::flag:
      return "flag";
    case SettingSource::environment:
      return "environment";
    case SettingSource::file:
      return "file";
    case SettingSource::fallback:
      return "default";
  }
  return "unknown";
}

tl::expected<LoadedSettings, SettingError> load_settings(const std::map<std::string, std::string>& flags,
                                                         const Environment& environment,
                                                         std::span<const ConfigSetting> file,
                                                         const std::string& file_name) {
  if (const auto faults = key_faults(file, file_name); !faults.empty())
    return tl::unexpected(SettingError{faults.front(), false});
  LoadedSettings loaded;
  for (const SettingSpec& spec : specs) {
    const Given value = given(spec, flags, environment, file, file_name);
    // A default is always read; an empty one means "none".
    const bool none = value.source == SettingSource::fallback && value.text.empty();
    if (const auto wrong = none ? Expected{} : spec.read(value.text, loaded.settings)) {
      return tl::unexpected(
          SettingError{value_fault(value.said_as, *wrong, value.text), value.source != SettingSource::file});
    }
    loaded.views.push_back(SettingView{std::string(spec.name), value.text, value.source});
  }
  Settings& settings = loaded.settings;
  // Port 0 is nowhere: peers could not be asked at "any free port".
  auto neighbors = parse_neighborhood(settings.neighborhood_host,
                                      settings.heartbeat_port == 0 ? 4291 : settings.heartbeat_port);
  if (!neighbors)
    return tl::unexpected(SettingError{fmt::format("neighborhood-host: {}", neighbors.error()), true});
  settings.neighbors = std::move(*neighbors);
  return loaded;
}

std::vector<std::string> setting_faults(std::span<const ConfigSetting> file) {
  std::vector<std::string> faults = key_faults(file, "");
  Settings scratch;
  for (const ConfigSetting& setting : file)
    for (const SettingSpec& spec : specs)
      if (names(spec, setting.key) && spec.name != "config")
        if (const auto wrong = spec.read(setting.value, scratch))
          faults.push_back(value_fault(fmt::format("{}: settings: {}", place_of(setting, ""), setting.key),
                                       *wrong, setting.value));
  return faults;
}

std::string config_path(const std::map<std::string, std::string>& flags, const Environment& environment) {
  return given(specs.front(), flags, environment, {}, "").text;
}

}  // namespace starling
