/// The node as the front ends see it.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <vector>

#include "frontend/check_service.hpp"
#include "http/admin_service.hpp"
#include "node/log.hpp"
#include "node/node.hpp"

namespace starling {

class NodeService final : public CheckService, public http::AdminService {
 public:
  using FrontEndsView = std::function<std::vector<FrontEndStatus>()>;

  /// `front_ends` is asked whenever somebody wants to know.
  NodeService(Node& node, Log log, FrontEndsView front_ends)
      : node_(node), log_(std::move(log)), front_ends_(std::move(front_ends)) {}
  Decision decide(const Request& request) override {
    decided_at_ = Loop::wall();
    const Decision decision = node_.decide(request, decided_at_);
    if (decision.truncated) on_truncated();
    return decision;
  }
  bool ready() const override { return node_.state() == EngineState::ready; }
  WallTime decided_at() const override { return decided_at_; }
  void on_failure(std::string_view what) override;
  std::string_view node_name() const override { return node_.name(); }
  NodeStatus status() const override;
  std::vector<FrontEndStatus> front_ends() const override { return front_ends_(); }
  std::vector<CounterView> counters(const Request& request) override { return node_.counters(request); }
  TopView top(const TopQuery& query) override { return node_.top(query); }
  std::vector<LiveView> live_overrides() const override { return node_.live_overrides(); }
  tl::expected<LiveView, std::string> set_live(const http::LiveChange& change) override;
  bool clear_live(const LiveOverride& subject, const std::string& by) override {
    return node_.clear_live(subject, by);
  }

 private:
  /// Says something from time to time, with how often it happened meanwhile.
  struct Repeated {
    Instant quiet_until{};
    std::uint64_t unsaid_count = 0;

    /// True if it is time to say it.
    bool happened();
  };

  void on_truncated();

  Node& node_;
  Log log_;
  FrontEndsView front_ends_;
  WallTime decided_at_{};
  Repeated failures_;
  std::uint64_t failures_count_ = 0;  ///< of all front ends, since the start
  Repeated truncations_;
};

}  // namespace starling
