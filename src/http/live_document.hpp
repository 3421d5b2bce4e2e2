/// Live overrides as JSON: `/v1/overrides`, and what `/v1/rules` says of where a value comes from. The shape
/// is a contract: scripts and the command line read it.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/view.hpp"
#include "http/live_reach.hpp"

namespace starling::http {

using Json = nlohmann::ordered_json;

/// "2026-05-04T12:00:00Z" (RFC 3339).
std::string time_text(WallTime time);
/// `[{"requests":500,"per":"10s"}]`
Json limits_document(const std::vector<Limit>& limits);
/// `{"principal":"alice"}`, values as in the rules file.
Json match_document(const std::vector<Matcher>& match);
/// "override by alice on node-1 at 2026-05-04T12:00:00Z, expires 2026-05-04T13:00:00Z"
std::string story_of(const LiveView& view);

Json live_entry_document(const LiveView& view, const LiveReach& reach);

}  // namespace starling::http
