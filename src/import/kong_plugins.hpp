/// Finds the instances of Kong's rate limiting plugins in its configuration, with what they are attached to.
///
/// A declarative file (`_format_version`) has plugins at the top and within services, routes, consumers and
/// consumer groups; a plugin at the top may name these. In Kubernetes a plugin is a document of its own
/// (KongPlugin, KongClusterPlugin), and what it is attached to names it by the annotation
/// `konghq.com/plugins`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "import/foreign_yaml.hpp"
#include "import/report.hpp"

namespace starling {

/// What a plugin is attached to; empty texts: not restricted.
struct KongScope {
  std::string consumer;
  std::string consumer_group;
  std::string route;
  std::string service;

  bool is_global() const {
    return consumer.empty() && consumer_group.empty() && route.empty() && service.empty();
  }
};

struct KongPlugin {
  enum class Kind : std::uint8_t { rate_limiting, rate_limiting_advanced };
  Kind kind = Kind::rate_limiting;
  Place place;
  std::string instance_name;  ///< empty: none
  KongScope scope;
  bool attached = true;  ///< false: in Kubernetes, by nothing in this file
  const ForeignNode* config = nullptr;
};

/// The configurations point into `documents`.
std::vector<KongPlugin> find_kong_plugins(const std::vector<ForeignNode>& documents, ImportReport& report);

}  // namespace starling
