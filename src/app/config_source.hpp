/// Reads the configuration file from disk.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <vector>

#include "limiter/config_file.hpp"

namespace starling {

/// Errors: one line each, for people.
tl::expected<ConfigFile, std::vector<std::string>> read_config_file(const std::string& path);

}  // namespace starling
