#include "app/node_service.hpp"

#include <fmt/format.h>

#include <cstdint>

#include "http/live_reach.hpp"
#include "metrics/page.hpp"
#include "node/live_words.hpp"

namespace starling {

std::string NodeService::metrics() {
  return metrics::page({.node = node_.counts(),
                        .front_ends = views_.front_ends(),
                        .requests = views_.requests(),
                        .loop_busy = loop_meter_.busy(),
                        .process = metrics::process_usage()});
}

void NodeService::watch() {
  std::uint64_t refused = 0;
  std::uint64_t accept_failed = 0;
  for (const FrontEndStatus& front_end : views_.front_ends()) {
    refused += front_end.connections_refused;
    for (const auto& [reason, count] : front_end.errors)
      if (reason == "accept_failed") accept_failed += count;
  }
  node_.observe(Trouble::connections_refused, refused);
  node_.observe(Trouble::accept_failed, accept_failed);
}

tl::expected<LiveView, std::string> NodeService::set_live(const http::LiveChange& change) {
  auto view = node_.set_live(change.what, change.expires_in, change.set_by);
  if (!view || !http::LiveReach::depends_on_others(view->what)) return view;
  const auto rules = node_.rules();
  const std::vector<LiveView> live = node_.live_overrides();
  const std::string said_otherwise = http::LiveReach(*rules, live).contradiction(view->what);
  if (!said_otherwise.empty())
    node_.report(Trouble::override_weak, 1, fmt::format("{}: {}", describe(view->what), said_otherwise));
  return view;
}

}  // namespace starling
