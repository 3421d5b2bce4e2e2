/// Live overrides in words: for the log, and for a client that asked for something that cannot be.
#pragma once

#include <string>

#include "base/result.hpp"
#include "engine/view.hpp"
#include "live/live_entry.hpp"

namespace starling {

/// What it is about and what it says, in one line of plain text: "limits rule=login user=alice: 5 per 1s".
std::string describe(const LiveOverride& what);
/// Who set it where, and until when: "by=alice on=node-1 expires_in=1h". `wall` is now.
std::string story_of(const LiveView& view, WallTime wall);

/// Why the engine refused to set it: what was expected, what was found, and what to do.
std::string explain(const Error& error, const LiveOverride& what, std::size_t overrides_max);

}  // namespace starling
