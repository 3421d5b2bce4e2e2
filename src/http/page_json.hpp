/// `/v1/page`: what moves, in one document, for whoever looks again and again. The status page does.
///
/// What seldom changes (rules, settings) is in `/v1/status`; `stamp` differs from the last one when that is
/// worth reading again. The document is the page's, of the same version, and no contract for scripts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "engine/top_view.hpp"
#include "frontend/front_end_status.hpp"
#include "http/admin_json.hpp"
#include "node/status.hpp"

namespace starling::http {

inline constexpr std::size_t page_rules_max = 200;  ///< whose hottest caller is told, the hottest first
inline constexpr std::size_t page_rows_max = 100;   ///< hottest callers
inline constexpr std::size_t page_shares_max = 4;   ///< of one caller, the largest
inline constexpr std::size_t page_peers_max = 300;  ///< the rest are counted

struct PageView {
  NodeStatus status;
  std::vector<FrontEndStatus> front_ends;
  TopQuery query;
  TopView top;      ///< the answer
  TopView hottest;  ///< by usage, one caller of each rule
};

/// `page` is the version of the page itself.
Json page_document(const PageView& view, std::string_view page);

}  // namespace starling::http
