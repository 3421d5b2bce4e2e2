/// The `domain` / `descriptors` tree of Envoy's reference rate limit service (envoyproxy/ratelimit), read and
/// checked.
///
/// What the reference refuses to load (no domain, no key, an unknown unit, the same key and value twice) is
/// an error here too: nobody can say what was meant. Keys and values that it takes and Starling cannot
/// express are told and left out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "import/foreign_yaml.hpp"
#include "import/report.hpp"
#include "limiter/rules.hpp"

namespace starling {

inline constexpr std::size_t envoy_descriptors_max = 20'000;

struct EnvoyReplaced {
  std::string name;
  Place place;
};

struct EnvoyLimit {
  bool unlimited = false;
  Hits requests = 0;
  std::uint32_t window_s = 1;
  std::string name;  ///< empty: none
  std::vector<EnvoyReplaced> replaces;
};

/// One entry of a `descriptors` list.
struct EnvoyDescriptor {
  /// In which order the descriptors of one list are tried.
  enum class Tried : std::uint8_t { exact_value, wildcard, bare_key };

  Place place;
  Matcher matcher;
  Tried tried = Tried::bare_key;
  std::optional<EnvoyLimit> limit;
  bool shadow = false;                       ///< never denies
  std::vector<EnvoyDescriptor> descriptors;  ///< in the order in which they are tried
};

struct EnvoyTree {
  std::string domain;
  std::vector<EnvoyDescriptor> descriptors;  ///< in the order in which they are tried
};

/// Nothing if there was an error.
std::optional<EnvoyTree> read_envoy_tree(const ForeignNode& document, ImportReport& report);

}  // namespace starling
