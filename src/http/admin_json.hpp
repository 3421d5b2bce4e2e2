/// The documents of the admin API. Their shape is a contract: scripts and the command line read them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/view.hpp"
#include "frontend/front_end_status.hpp"
#include "http/response.hpp"
#include "node/advice.hpp"
#include "node/status.hpp"

namespace starling::http {

using Json = nlohmann::ordered_json;

/// As text. Names come from other nodes and files: whatever they contain, it is valid JSON.
std::string text_of(const Json& document);
void set_document(Response& response, const Json& document);

/// Origins are 16 hexadecimal digits, times are milliseconds unless the name says otherwise.
Json peers_document(const NodeStatus& status);
/// All but the rules, which are long: `short_rules.hpp`.
Json status_document(const NodeStatus& status, const std::vector<FrontEndStatus>& front_ends);
/// What to do next: a code, `to_do` or `note`, and a text for each.
Json advice_document(const std::vector<Advice>& advices);
Json counters_document(OriginId self, const std::vector<CounterView>& counters);

}  // namespace starling::http
