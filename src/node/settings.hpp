/// The settings of a node, where each value came from, and how it may be said.
///
/// One table (`setting_specs`) lists every setting once: its flag, its environment variables, its default,
/// its help and how it is read. Flags, environment, the file's `settings:` map, `--help` and `starling
/// status` all come from it. Precedence: flag > environment > file > default.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "base/endpoint.hpp"
#include "base/time.hpp"
#include "frontend/attribute_map.hpp"
#include "frontend/header_families.hpp"
#include "limiter/config_file.hpp"
#include "node/log_level.hpp"
#include "node/neighborhood.hpp"
#include "node/unix_address.hpp"

namespace starling {

struct Settings {
  std::string config;               ///< path; empty: built-in rule
  std::optional<Address> bind;      ///< nothing: all addresses, IPv6 and IPv4
  std::string neighborhood_host;    ///< as given
  std::vector<Neighbor> neighbors;  ///< the same, read
  std::uint16_t heartbeat_port = 0;
  std::uint16_t sync_port = 0;
  std::uint16_t http_port = 0;
  std::vector<UnixAddress> http_listen;  ///< Unix domain sockets of the check API, beside the port
  std::uint16_t grpc_port = 0;
  std::chrono::milliseconds grpc_max_connection_age{};  ///< 0: never
  std::uint16_t admin_port = 0;
  std::string admin_token_file;  ///< path; empty: only clients on this machine may change things
  std::string cluster;
  std::string key_file;               ///< path; empty: gossip is not sealed
  std::string node_name;              ///< empty: the host's name
  std::vector<Endpoint> dns_servers;  ///< empty: those of resolv.conf
  std::chrono::milliseconds resolve_interval{};
  std::optional<std::chrono::milliseconds> heartbeat_interval;  ///< nothing: by the size of the cluster
  std::chrono::milliseconds sync_interval{};
  std::chrono::milliseconds join_timeout{};
  std::chrono::milliseconds drain_timeout{};
  std::uint32_t max_counters = 0;
  std::uint32_t egress_mib_per_s = 0;
  HeaderFamilies headers;
  AttributeMap attributes;
  std::uint8_t trusted_hops = 0;  ///< 0: X-Forwarded-For is not looked at
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
  bool log_denials = false;
};

struct SettingSpec {
  std::string_view name;         ///< the flag without its dashes, and the key in the file
  std::string_view dotted_name;  ///< Azure's name: a second flag, key and environment variable; may be empty
  std::string_view environment;  ///< the variable that is looked at first
  std::string_view value_name;   ///< for --help: "PORT"
  std::string_view fallback;     ///< the default, as text
  std::string_view help;
  /// Reads `text` into `settings`. Returns what was expected, or nothing if it was that.
  std::optional<std::string> (*read)(std::string_view text, Settings& settings);
};

std::span<const SettingSpec> setting_specs();

enum class SettingSource : std::uint8_t { flag, environment, file, fallback };
std::string_view name(SettingSource source);  ///< "flag", "environment", "file", "default"

/// One effective setting, for people.
struct SettingView {
  std::string name;
  std::string value;
  SettingSource source = SettingSource::fallback;
};

struct LoadedSettings {
  Settings settings;
  std::vector<SettingView> views;  ///< in the order of the table
};

struct SettingError {
  std::string message;    ///< one line, without "starling: "
  bool is_usage = false;  ///< a flag or the environment was wrong (exit 2), not the file (exit 1)
};

/// Looks up an environment variable; null if it is not set.
using Environment = std::function<const char*(const char* name)>;

/// `flags`: what the command line said, by the spec's name. `file`: the `settings:` of the configuration
/// file, `file_name` the name for messages of one that names no file itself.
tl::expected<LoadedSettings, SettingError> load_settings(const std::map<std::string, std::string>& flags,
                                                         const Environment& environment,
                                                         std::span<const ConfigSetting> file,
                                                         const std::string& file_name);

/// What is wrong with the `settings:` of files, whatever flags and environment may say; one line each.
std::vector<std::string> setting_faults(std::span<const ConfigSetting> file);

/// Where the configuration file or directory is, from the flag or the environment; empty if none was named.
std::string config_path(const std::map<std::string, std::string>& flags, const Environment& environment);

}  // namespace starling
