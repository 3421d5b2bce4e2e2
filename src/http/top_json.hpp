/// `/v1/top`: its query, and its document.
///
/// The query is `?rule=R&by=hits|denied|usage&n=20`, each at most once and nothing else: a misspelt parameter
/// would answer another question than was asked. The document is a contract like those of `admin_json.hpp`.
#pragma once

#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "engine/top_view.hpp"
#include "http/admin_json.hpp"
#include "http/query.hpp"

namespace starling::http {

/// `raw` is what follows the '?'. Errors are for the client: what was expected and what was found.
tl::expected<TopQuery, std::string> parse_top_query(std::string_view raw, QueryScratch& scratch);

/// A counter without a name has null as its rule, principal, limit and usage. Shares name their nodes: those
/// that are known as peers, and this one; of others there is only the origin.
Json top_document(const NodeStatus& status, const TopQuery& query, const TopView& view);

}  // namespace starling::http
