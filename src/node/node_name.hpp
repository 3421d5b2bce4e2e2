/// What a node is called: as its settings say, else as its host.
#pragma once

#include <string>

#include "node/settings.hpp"

namespace starling {

std::string node_name_of(const Settings& settings);

}  // namespace starling
