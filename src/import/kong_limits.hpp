/// The `config` of one of Kong's rate limiting plugins, read and checked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "import/kong_plugins.hpp"
#include "import/report.hpp"
#include "limiter/rules.hpp"

namespace starling {

struct KongLimits {
  std::vector<Limit> limits;
  Algorithm algorithm = Algorithm::fixed_window;
  std::string by = "consumer";  ///< `limit_by` or `identifier`
  std::string header_name;
  std::string path;
};

/// Nothing if there was an error.
std::optional<KongLimits> read_kong_limits(const KongPlugin& plugin, ImportReport& report);

}  // namespace starling
