#include "app/node_service.hpp"

#include <chrono>

#include "http/live_reach.hpp"
#include "node/live_words.hpp"

namespace starling {
namespace {

constexpr std::chrono::seconds failure_log_interval{10};

}  // namespace

void NodeService::on_failure(std::string_view what) {
  ++failures_unsaid_count_;
  if (Loop::now() < quiet_until_) return;
  log_->error("{} requests could not be decided, and passed unless their gateway says otherwise: {}",
              failures_unsaid_count_, what);
  quiet_until_ = Loop::now() + failure_log_interval;
  failures_unsaid_count_ = 0;
}

tl::expected<LiveView, std::string> NodeService::set_live(const http::LiveChange& change) {
  auto view = node_.set_live(change.what, change.expires_in, change.set_by);
  if (!view) return view;
  const NodeStatus now = node_.status();
  const std::vector<LiveView> live = node_.live_overrides();
  const std::string said_otherwise = http::LiveReach(now.rules, live).contradiction(view->what);
  if (!said_otherwise.empty()) log_->warn("override {}: {}", describe(view->what), said_otherwise);
  return view;
}

}  // namespace starling
