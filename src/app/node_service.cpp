#include "app/node_service.hpp"

#include <chrono>
#include <utility>

#include "http/live_reach.hpp"
#include "metrics/page.hpp"
#include "node/live_words.hpp"

namespace starling {
namespace {

constexpr std::chrono::seconds repeated_log_interval{10};

}  // namespace

void NodeService::on_failure(std::string_view what) {
  ++failures_count_;
  if (!failures_.happened()) return;
  log_->error("{} requests could not be decided, and passed unless their gateway says otherwise: {}",
              std::exchange(failures_.unsaid_count, 0), what);
}

NodeStatus NodeService::status() const {
  NodeStatus status = node_.status();
  status.decisions_failed = failures_count_;
  return status;
}

std::string NodeService::metrics() {
  return metrics::page({.node = node_.counts(),
                        .decisions_failed = failures_count_,
                        .front_ends = views_.front_ends(),
                        .requests = views_.requests(),
                        .loop_busy = loop_meter_.busy(),
                        .process = metrics::process_usage()});
}

void NodeService::on_truncated() {
  if (!truncations_.happened()) return;
  log_->warn(
      "{} requests were held to {} limits only, and more applied: send fewer descriptors, or let fewer rules "
      "match one",
      std::exchange(truncations_.unsaid_count, 0), limits_per_request_max);
}

bool NodeService::Repeated::happened() {
  ++unsaid_count;
  if (Loop::now() < quiet_until) return false;
  quiet_until = Loop::now() + repeated_log_interval;
  return true;
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
