#include "http/top_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/shown_text.hpp"
#include "limiter/name_book.hpp"

namespace starling::http {
namespace {

tl::unexpected<std::string> fail(std::string message) {
  return tl::unexpected<std::string>(std::move(message));
}

tl::expected<void, std::string> set(TopQuery& query, const Entry& entry) {
  if (entry.key == "rule") {
    if (entry.value.empty() || entry.value.size() > rule_text_bytes_max)
      return fail(fmt::format("rule: expected the name of a rule, 1 to {} bytes, found {}",
                              rule_text_bytes_max, quoted(entry.value)));
    query.rule = entry.value;
    return {};
  }
  if (entry.key == "by") {
    const auto found = std::find(top_by_names.begin(), top_by_names.end(), entry.value);
    if (found == top_by_names.end())
      return fail(fmt::format("by: expected hits, denied or usage, found {}", quoted(entry.value)));
    query.by = static_cast<TopQuery::By>(found - top_by_names.begin());
    return {};
  }
  if (entry.key == "n") {
    const char* end = entry.value.data() + entry.value.size();
    const auto [stop, error] = std::from_chars(entry.value.data(), end, query.rows_max);
    if (error != std::errc{} || stop != end || query.rows_max < 1 || query.rows_max > top_rows_max)
      return fail(
          fmt::format("n: expected a number from 1 to {}, found {}", top_rows_max, quoted(entry.value)));
    return {};
  }
  return fail(fmt::format("query: expected rule, by or n, found {}", quoted(entry.key)));
}

std::string hex(std::uint64_t number) {
  return fmt::format("{:016x}", number);
}

Json row_document(const TopRow& row, const std::map<OriginId, std::string_view>& names) {
  Json shares = Json::array();
  for (const CounterView::Share& share : row.shares) {
    const auto found = names.find(share.origin);
    shares.push_back({{"origin", hex(share.origin.value)},
                      {"node", found == names.end() ? Json(nullptr) : Json(found->second)},
                      {"hits", share.hits}});
  }
  return {{"rule", row.named ? Json(row.rule) : Json(nullptr)},
          {"principal", row.named ? Json(row.principal) : Json(nullptr)},
          {"key", hex(row.key.value)},
          {"limit", row.named ? Json(row.limit) : Json(nullptr)},
          {"window_s", row.window_s},
          {"window_id", row.window_id},
          {"used", row.used},
          {"usage", row.named && row.limit > 0 ? Json(row.usage()) : Json(nullptr)},
          {"denied_here", row.denied_here},
          {"learned_here", row.learned_here},
          {"nodes", row.nodes_count},
          {"shares", std::move(shares)}};
}

}  // namespace

tl::expected<TopQuery, std::string> parse_top_query(std::string_view raw, QueryScratch& scratch) {
  const auto entries = parse_query(raw, scratch);
  if (!entries) return fail(entries.error());
  TopQuery query;
  for (const Entry& entry : *entries)
    if (const auto done = set(query, entry); !done) return fail(done.error());
  return query;
}

Json top_document(const NodeStatus& status, const TopQuery& query, const TopView& view) {
  std::map<OriginId, std::string_view> names{{status.origin, status.name}};
  for (const PeerView& peer : status.peers)
    if (peer.origin != OriginId{} && !peer.name.empty()) names.emplace(peer.origin, peer.name);
  Json rows = Json::array();
  for (const TopRow& row : view.rows) rows.push_back(row_document(row, names));
  return {{"node", status.name},
          {"by", name(query.by)},
          {"rule", query.rule.empty() ? Json(nullptr) : Json(query.rule)},
          {"complete", view.complete},
          {"rows", std::move(rows)},
          {"unnamed", view.unnamed},
          {"asking", view.asking},
          {"scanned", view.scanned}};
}

}  // namespace starling::http
