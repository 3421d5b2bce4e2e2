/// Opens the log of a `starling node` process: on stderr, with colours if that is a terminal that wants them.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "node/log.hpp"
#include "node/settings.hpp"

namespace starling {

/// Error: one line.
tl::expected<Log, std::string> open_log(const Settings& settings);

}  // namespace starling
